//! Tests with real servers.

mod bouncer;
mod database;
mod schema;
mod server;
mod wire;

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection, postgres::PgRow};
use tokio::time::{sleep, timeout};

const CHECK_INTERVAL: Duration = Duration::from_millis(10);
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// A connection to a database.
async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("the server accepts connections")
}

/// Runs SQL that must succeed.
async fn run(connection: &mut PgConnection, sql: &str) {
    let ran = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Returns the single value of a query.
async fn value<T>(connection: &mut PgConnection, sql: &str) -> T
where
    (T,): for<'r> FromRow<'r, PgRow>,
    T: Send + Unpin,
{
    let row: Result<(T,), _> = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).0
}

/// Waits until the condition holds, for at most two minutes.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            sleep(CHECK_INTERVAL).await;
        }
    };
    let waited = timeout(TIME_LIMIT, wait).await;
    waited.unwrap_or_else(|_| panic!("not within {TIME_LIMIT:?}: {what}"));
}
