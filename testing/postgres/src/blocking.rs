use std::{panic, thread};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::{Builder, Runtime};

/// Runs SQL in a connection of its own, to its end, wherever it is called: also in a destructor within a runtime.
///
/// # Errors
/// When the server is not there, or refuses.
pub(crate) fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    })
}

/// Waits for a future, wherever it is called.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    // A thread of a runtime may not block on another.
    let outcome = thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join());
    outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// A runtime of the calling thread.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has what a runtime needs")
}
