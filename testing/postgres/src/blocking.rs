use std::{panic, thread};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::{Builder, Runtime};

/// Runs SQL on a connection of its own, and blocks until it completes. May be called anywhere, also in a
/// destructor within a runtime.
///
/// # Errors
/// If the server is unreachable or refuses the SQL.
pub(crate) fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    })
}

/// Blocks until a future completes. May be called anywhere.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    // A thread of a runtime may not block on another runtime.
    let outcome = thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join());
    outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// A runtime on the calling thread.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be created")
}
