//! A connection beside the store's.

use sqlx::{AssertSqlSafe, PgConnection};

/// A connection of another user of the database.
pub(crate) struct Session {
    pub(crate) connection: PgConnection,
    pub(super) schema: String,
}

impl Session {
    /// Runs SQL that names the schema `messaging`.
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = sql.replace("messaging.", &format!("{}.", self.schema));
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// Returns the text that a query returns; the SQL names the schema `messaging`.
    pub(crate) async fn text(&mut self, sql: &str) -> String {
        self.one(sql).await
    }

    /// Returns the number that a query returns; the SQL names the schema `messaging`.
    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        self.one(sql).await
    }

    async fn one<T>(&mut self, sql: &str) -> T
    where
        T: sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres> + Send + Unpin,
    {
        let sql = sql.replace("messaging.", &format!("{}.", self.schema));
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut self.connection)
            .await
            .unwrap()
    }

    /// Rolls back its transaction.
    pub(crate) async fn release(mut self) {
        self.run("ROLLBACK").await;
    }
}

/// The names of the tables in a schema.
pub(crate) async fn tables(connection: &mut PgConnection, schema: &str) -> Vec<String> {
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename";
    let names = sqlx::query_scalar(sql).bind(schema).fetch_all(connection).await;
    names.unwrap()
}
