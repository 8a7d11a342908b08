//! Against real servers.

mod bouncer;
mod database;
mod schema;
mod server;
mod wire;

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection, postgres::PgRow};

/// A connection to a database.
async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server is there")
}

/// Runs SQL that must succeed.
async fn run(connection: &mut PgConnection, sql: &str) {
    let ran = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The one value that a query yields.
async fn value<T>(connection: &mut PgConnection, sql: &str) -> T
where
    (T,): for<'r> FromRow<'r, PgRow>,
    T: Send + Unpin,
{
    let row: Result<(T,), _> = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).0
}
