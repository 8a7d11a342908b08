//! The single writing connection, in its own task behind a bounded queue.

use std::{
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::FutureExt;
use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

use super::{
    connect::{self, Connector},
    error::{UNAVAILABLE, commit_failed, failed},
};

/// A unit of work that is executed in one writing transaction.
pub(super) trait Step: Send + 'static {
    type Answer: Send + 'static;

    /// The operation as a phrase, for errors.
    const DOING: &'static str;

    /// Executes the step. An error rolls all of it back.
    fn execute(
        self,
        tx: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Answer, sqlx::Error>> + Send;
}

/// Sends steps to the task.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once the store is closed.
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    ended: watch::Receiver<()>,
}

impl Writer {
    /// Starts the task. It ends when this is dropped or [finished](Self::finish), after the queued steps.
    pub(super) fn start(connection: SqliteConnection, connector: Connector, queue: usize) -> Self {
        let (sender, jobs) = mpsc::channel(queue);
        let (running, ended) = watch::channel(());
        let file = File {
            connector,
            connection: Some(connection),
        };
        tokio::spawn(async move {
            work(file, jobs).await;
            drop(running);
        });
        Self {
            queue: Mutex::new(Some(sender)),
            ended,
        }
    }

    /// Queues a step and waits for its result. A step that has started runs to its end even if the caller is
    /// dropped.
    pub(super) async fn run<S: Step>(&self, step: S) -> Result<S::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Box::new(Waiting { step, reply }))
            .map_err(|why| StoreError::new(UNAVAILABLE, S::DOING).caused_by(why))?;
        let lost = |_| Err(StoreError::new(StoreErrorKind::OutcomeUnknown, S::DOING));
        answer.await.unwrap_or_else(lost)
    }

    /// Refuses further steps, waits for the queued ones, and closes the connection.
    pub(super) async fn finish(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    fn enqueue(&self, job: Box<dyn Job>) -> Result<(), &'static str> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or("the store is closed")?;
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => "the queue of steps is full",
            TrySendError::Closed(_) => "the task that writes has ended, with the runtime that it ran on",
        })
    }
}

/// A queued step and the channel to its caller.
struct Waiting<S: Step> {
    step: S,
    reply: oneshot::Sender<Result<S::Answer, StoreError>>,
}

#[async_trait]
trait Job: Send {
    async fn run(self: Box<Self>, file: &mut File);
}

#[async_trait]
impl<S: Step> Job for Waiting<S> {
    async fn run(self: Box<Self>, file: &mut File) {
        let answer = file.run(self.step).await;
        // The caller may have been dropped.
        self.reply.send(answer).ok();
    }
}

async fn work(mut file: File, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(job) = jobs.recv().await {
        let run = AssertUnwindSafe(job.run(&mut file)).catch_unwind().await;
        if run.is_err() {
            tracing::error!("a step on the store panicked; its transaction is rolled back");
        }
    }
    if let Some(connection) = file.connection
        && let Err(error) = connect::close(connection).await
    {
        tracing::warn!(%error, "closing the store's file failed; SQLite recovers its log at the next opening");
    }
}

struct File {
    connector: Connector,
    /// `None` after a step that may have broken the connection: the next step opens another.
    connection: Option<SqliteConnection>,
}

impl File {
    async fn run<S: Step>(&mut self, step: S) -> Result<S::Answer, StoreError> {
        let failed = failed(S::DOING);
        // Put back only after a completed step, not after a panic or a failed rollback.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connector.write().await.map_err(&failed)?,
        };
        // Immediate: a transaction that upgrades from reading to writing would fail at once, whatever the busy
        // timeout.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(&failed)?;
        let answer = match step.execute(&mut tx).await {
            Ok(answer) => {
                tx.commit().await.map_err(commit_failed(S::DOING))?;
                Ok(answer)
            }
            Err(error) => match tx.rollback().await {
                Ok(()) => Err(failed(error)),
                // SQLite has rolled back on its own; sqlx does not notice.
                Err(_) => return Err(failed(error)),
            },
        };
        self.connection = Some(connection);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::SqliteOptions;

    struct Insert(i64);

    impl Step for Insert {
        type Answer = ();
        const DOING: &'static str = "inserting a number";

        async fn execute(self, tx: &mut SqliteConnection) -> Result<(), sqlx::Error> {
            sqlx::query("INSERT INTO number VALUES (?)")
                .bind(self.0)
                .execute(&mut *tx)
                .await?;
            assert!(self.0 != 13, "a defect");
            if self.0 == 7 {
                // The transaction ends, as it does in SQLite after some errors.
                sqlx::query("ROLLBACK").execute(&mut *tx).await?;
                return Err(sqlx::Error::RowNotFound);
            }
            Ok(())
        }
    }

    struct Count;

    impl Step for Count {
        type Answer = i64;
        const DOING: &'static str = "counting numbers";

        async fn execute(self, tx: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
            sqlx::query_scalar("SELECT COUNT(*) FROM number")
                .fetch_one(tx)
                .await
        }
    }

    struct Sql(&'static str);

    impl Step for Sql {
        type Answer = ();
        const DOING: &'static str = "running statements";

        async fn execute(self, tx: &mut SqliteConnection) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(self.0).execute(tx).await.map(drop)
        }
    }

    async fn writer(dir: &tempfile::TempDir) -> Writer {
        let options = SqliteOptions::default();
        let connector = Connector::new(&dir.path().join("db"), &options);
        connector.create().await.unwrap();
        let mut connection = connector.open().await.unwrap();
        sqlx::query("CREATE TABLE number (n INTEGER PRIMARY KEY) STRICT")
            .execute(&mut connection)
            .await
            .unwrap();
        Writer::start(connection, connector, options.queue)
    }

    async fn check_survives(bad: i64, expected: StoreErrorKind) {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir).await;
        writer.run(Insert(1)).await.unwrap();
        assert_eq!(writer.run(Insert(bad)).await.unwrap_err().kind(), expected);
        writer.run(Insert(2)).await.unwrap();
        assert_eq!(writer.run(Count).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failing_step_changes_nothing_and_the_next_one_works() {
        check_survives(1, StoreErrorKind::Internal).await;
    }

    #[tokio::test]
    async fn a_broken_transaction_is_followed_by_a_new_connection() {
        check_survives(7, StoreErrorKind::Internal).await;
    }

    #[tokio::test]
    async fn a_panicking_step_ends_neither_the_task_nor_earlier_writes() {
        check_survives(13, StoreErrorKind::OutcomeUnknown).await;
    }

    async fn check_kind(sql: &'static str, undo: &'static str, expected: StoreErrorKind) {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir).await;
        assert_eq!(writer.run(Sql(sql)).await.unwrap_err().kind(), expected, "{sql}");
        // Where even `BEGIN` is refused, the connection and its settings are discarded.
        writer.run(Sql(undo)).await.ok();
        writer.run(Insert(1)).await.unwrap();
        assert_eq!(writer.run(Count).await.unwrap(), 1, "{sql}");
    }

    #[tokio::test]
    async fn a_write_protected_file_is_read_only() {
        check_kind(
            "PRAGMA query_only = 1; INSERT INTO number VALUES (2)",
            "PRAGMA query_only = 0",
            StoreErrorKind::ReadOnly,
        )
        .await;
    }

    #[tokio::test]
    async fn a_full_file_is_read_only() {
        check_kind(
            "PRAGMA max_page_count = 1;
             WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n LIMIT 100000)
             INSERT INTO number SELECT n FROM n",
            "PRAGMA max_page_count = 1000000",
            StoreErrorKind::ReadOnly,
        )
        .await;
    }

    #[tokio::test]
    async fn a_constraint_violation_or_invalid_statement_is_internal() {
        for sql in [
            "INSERT INTO number VALUES (2), (2)",
            "INSERT INTO number VALUES ('two')",
            "INSERT INTO numbers VALUES (2)",
        ] {
            check_kind(sql, "", StoreErrorKind::Internal).await;
        }
    }

    #[tokio::test]
    async fn a_deferred_constraint_violation_rolls_the_step_back() {
        check_kind(
            "CREATE TABLE child (n REFERENCES number DEFERRABLE INITIALLY DEFERRED); INSERT INTO child VALUES (2)",
            "",
            StoreErrorKind::Internal,
        )
        .await;
    }

    #[tokio::test]
    async fn a_deleted_file_is_not_recreated() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir).await;
        writer.run(Insert(7)).await.unwrap_err();
        std::fs::remove_file(dir.path().join("db")).unwrap();
        assert_eq!(writer.run(Count).await.unwrap_err().kind(), UNAVAILABLE);
    }

    #[tokio::test]
    async fn finishing_runs_queued_steps_and_refuses_new_ones() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir).await;
        let waiting = futures_util::future::join_all((20..40).map(|n| writer.run(Insert(n))));
        let (answers, (), ()) = tokio::join!(waiting, writer.finish(), writer.finish());
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(writer.run(Count).await.unwrap_err().kind(), UNAVAILABLE);
    }

    #[test]
    fn a_step_after_the_runtime_ended_is_unavailable() {
        let runtime = || tokio::runtime::Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let first = runtime();
        let writer = first.block_on(writer(&dir));
        drop(first);
        let error = runtime().block_on(writer.run(Count)).unwrap_err();
        assert_eq!(error.kind(), UNAVAILABLE);
    }
}
