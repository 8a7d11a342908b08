//! Against real servers.

mod bouncer;
mod database;
mod schema;
mod server;
mod wire;

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection, postgres::PgRow};
use tokio::time::{sleep, timeout};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const ENOUGH: Duration = Duration::from_mins(2);

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

/// Waits until this is so, for two minutes at most.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            sleep(BETWEEN_LOOKS).await;
        }
    };
    let waited = timeout(ENOUGH, wait).await;
    waited.unwrap_or_else(|_| panic!("after {ENOUGH:?} still not so: {what}"));
}
