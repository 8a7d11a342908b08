use std::time::Duration;

use messaging_core::port::store::StoreError;
use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Row as _, postgres::PgPoolOptions};

use crate::plan::Plan;

/// A store on one connection, so that what it has prepared can be explained.
pub(crate) struct Session {
    pool: PgPool,
    store: PgStore,
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
            store: PgStore::new(pool.clone(), &options),
            pool,
        }
    }

    pub(crate) fn store(&self) -> &PgStore {
        &self.store
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
