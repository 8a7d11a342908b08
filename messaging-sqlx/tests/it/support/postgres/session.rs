//! A connection beside the store's, and what it sees.

use sqlx::{AssertSqlSafe, PgConnection};

/// Somebody else's connection.
pub(crate) struct Session {
    pub(crate) connection: PgConnection,
    pub(super) schema: String,
}

impl Session {
    /// Runs SQL in which the schema is `messaging`.
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = sql.replace("messaging.", &format!("{}.", self.schema));
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// Asks for one text with SQL in which the schema is `messaging`.
    pub(crate) async fn text(&mut self, sql: &str) -> String {
        self.one(sql).await
    }

    /// Asks for one number with SQL in which the schema is `messaging`.
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

    /// Undoes its transaction.
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
