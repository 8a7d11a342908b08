use std::time::Duration;

use messaging_core::store::StoreError;
use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Row as _, postgres::PgPoolOptions};

use crate::size::plan::Plan;

/// A store on one connection, so that what it has prepared can be explained.
pub(crate) struct Session {
    pool: PgPool,
    store: PgStore,
    schema: String,
}

/// What was read of the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched {
    /// Pages of tables and indexes, each time that they were.
    pub(crate) pages: u64,
    /// How many tables were read from end to end.
    pub(crate) whole_tables: u64,
}

/// How PostgreSQL may plan a prepared statement: for its arguments, or for any. It goes over to the second
/// when it expects that to cost no more.
pub(crate) const PLANNED: [&str; 2] = ["custom", "generic"];

impl Session {
    pub(crate) async fn connect(url: &str, schema: &str) -> Self {
        let options = PgOptions::default()
            .with_schema(SchemaName::parse(schema).unwrap())
            // However slow the machine is: nothing is measured in seconds.
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

    /// Takes a step of the store, and says what it touched.
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

    /// What the one connection has touched until now.
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

    /// Takes a step of the store, and executes its one statement with these arguments once more for each way
    /// in which it may be [planned](PLANNED). Nothing of that remains.
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
            // The first time, what the server has to look up of its own counts too.
            self.ask(once.clone()).await;
            plans.push(Plan::parse(&self.ask(once).await[0]));
        }
        plans.try_into().unwrap()
    }

    /// Takes steps of the store as if no link waited for its number. Nothing of them remains but their answer, and
    /// what the store remembers.
    pub(crate) async fn without_links<T>(&self, steps: impl Future<Output = T>) -> T {
        self.ask(format!("BEGIN; DELETE FROM {}.unnumbered", self.schema))
            .await;
        let answer = steps.await;
        self.ask("ROLLBACK".to_owned()).await;
        answer
    }

    /// What the first column says, not prepared.
    async fn ask(&self, sql: String) -> Vec<String> {
        let mut connection = self.pool.acquire().await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        rows.iter().map(|row| row.get_unchecked(0)).collect()
    }
}
