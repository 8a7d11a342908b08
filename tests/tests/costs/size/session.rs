use std::time::Duration;

use messaging_core::store::StoreError;
use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Row as _, postgres::PgPoolOptions};

use crate::size::plan::Plan;

/// A store on one connection, so that its prepared statement can be explained.
pub(crate) struct Session {
    pool: PgPool,
    store: PgStore,
    schema: String,
}

/// The table accesses of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched {
    /// Touched pages of tables and indexes, counting repeated ones again.
    pub(crate) pages: u64,
    /// The number of complete table scans.
    pub(crate) whole_tables: u64,
}

/// The modes in which PostgreSQL plans a prepared statement: for its arguments, or for any arguments. It
/// switches to the second if that is not expected to cost more.
pub(crate) const PLANNED: [&str; 2] = ["custom", "generic"];

impl Session {
    pub(crate) async fn connect(url: &str, schema: &str) -> Self {
        let options = PgOptions::default()
            .with_schema(SchemaName::parse(schema).unwrap())
            // Generous for slow machines: no duration is measured.
            .with_statement_timeout(Duration::from_mins(5))
            .with_clock_check(ClockCheck::Off);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect(url)
            .await
            .unwrap();
        Self {
            store: PgStore::on_pool(pool.clone(), &options),
            pool,
            schema: schema.to_owned(),
        }
    }

    pub(crate) fn store(&self) -> &PgStore {
        &self.store
    }

    /// Runs a step of the store, and returns its table accesses.
    pub(crate) async fn touched<T>(&self, step: impl Future<Output = Result<T, StoreError>>) -> (T, Touched) {
        let before = self.counted().await;
        let answer = step.await.unwrap();
        let after = self.counted().await;
        let touched = Touched {
            pages: after.pages - before.pages,
            whole_tables: after.whole_tables - before.whole_tables,
        };
        (answer, touched)
    }

    /// Returns the accesses of the connection so far.
    async fn counted(&self) -> Touched {
        self.ask("SELECT pg_stat_force_next_flush()::text".to_owned())
            .await;
        let counted = format!(
            "SELECT concat(SUM(heap_blks_read + heap_blks_hit + COALESCE(idx_blks_read + idx_blks_hit, 0)), ' ',
                SUM(seq_scan))
            FROM pg_statio_user_tables JOIN pg_stat_user_tables USING (relid) WHERE relid IN (
                SELECT oid FROM pg_class WHERE relnamespace = '{}'::regnamespace)",
            self.schema
        );
        let counted = self.ask(counted).await;
        let (pages, whole_tables) = counted[0].split_once(' ').unwrap();
        Touched {
            pages: pages.parse().unwrap(),
            whole_tables: whole_tables.parse().unwrap(),
        }
    }

    /// Runs a step of the store, and then executes its single statement with these arguments in each [plan
    /// mode](PLANNED), rolled back.
    pub(crate) async fn explain<T>(
        &self,
        step: impl Future<Output = Result<T, StoreError>>,
        arguments: &str,
    ) -> [Plan; 2] {
        let mut connection = self.pool.acquire().await.unwrap();
        connection.clear_cached_statements().await.unwrap();
        drop(connection);
        step.await.unwrap();

        let prepared: Vec<String> = self
            .ask("SELECT name FROM pg_prepared_statements".to_owned())
            .await;
        let [name] = &prepared[..] else {
            panic!("the step has prepared {prepared:?}, not one statement");
        };
        let execute = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name}({arguments})");
        let mut plans = Vec::new();
        for mode in PLANNED {
            let once = format!("BEGIN; SET LOCAL plan_cache_mode = force_{mode}_plan; {execute}; ROLLBACK");
            // The first execution also counts the server's own catalog lookups.
            self.ask(once.clone()).await;
            plans.push(Plan::parse(&self.ask(once).await[0]));
        }
        plans.try_into().unwrap()
    }

    /// Runs steps of the store as if no link was unnumbered, and rolls them back. Only their result remains,
    /// and the state that the store keeps in memory.
    pub(crate) async fn without_links<T>(&self, steps: impl Future<Output = T>) -> T {
        self.ask(format!("BEGIN; DELETE FROM {}.unnumbered", self.schema))
            .await;
        let answer = steps.await;
        self.ask("ROLLBACK".to_owned()).await;
        answer
    }

    /// Returns the first column of an unprepared query.
    async fn ask(&self, sql: String) -> Vec<String> {
        let mut connection = self.pool.acquire().await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        rows.iter().map(|row| row.get_unchecked(0)).collect()
    }
}
