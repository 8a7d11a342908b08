//! The store on SQLite, the embedded default: for one process on a local disk.
//!
//! One connection writes, in its own task, with one transaction per step. Other connections read; a read of
//! several statements runs in one transaction and so sees one snapshot. Readers block no writer.
//!
//! Several processes may open the file, but only the workers of one of them run: see
//! [`claim_lanes`](messaging_core::store::OutboxStore::claim_lanes) of this store. A step of another process that
//! names a worker as its [`Publisher`](messaging_core::store::Publisher) leaves its lane unowned.

mod activity;
mod append;
mod audit;
mod capabilities;
mod change_state;
mod connect;
mod conversation_rows;
mod conversations;
mod create;
mod dead_letters;
mod digest_claim;
mod digest_steps;
mod digests;
mod erasure;
mod error;
mod history;
mod lanes;
mod list;
mod load;
mod mark_read;
mod migrate;
mod moderation;
mod open;
mod options;
mod outbox;
#[cfg(test)]
mod plans;
mod pragmas;
mod recount;
mod rows;
mod workers;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{Sqlite, SqlitePool, Transaction, pool::PoolConnection};

pub use self::options::SqliteOptions;
use self::{
    connect::{Connector, NotOpened},
    error::failed,
    workers::Workers,
    writer::{Step, Writer},
};
use crate::SchemaError;

/// A store in a SQLite file of its own. Clones share it.
///
/// A completed step is on disk (`synchronous = FULL`). Requires a tokio runtime with time enabled, and works
/// for as long as the runtime on which it was opened runs.
///
/// ```
/// use messaging_core::{id::ConversationId, store::ConversationStore};
/// use messaging_sqlx::{SqliteOptions, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("messaging.db");
/// # let id = ConversationId::parse("0190163d-8694-739b-aea5-966c26f8ad91")?;
/// let store = SqliteStore::open_migrated(&path, &SqliteOptions::default()).await?;
/// assert_eq!(store.find_conversation(id.into()).await?, None);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
///
/// # Processes
/// The store is for one process. A second process may read and write the same file, but only the first one's
/// workers publish: clients connected to the second process get no events until the first has ended, and the
/// second logs an error. `open` does not refuse the file, since tools such as `verify` work beside a server.
/// Lock the directory where two servers could start, as the example server does.
///
/// # Backups
/// `VACUUM INTO` and SQLite's backup API copy a file that is in use. A file is opened by its application id
/// (`mess`), which both copies keep. A file restored from the shell's `.dump` has none and is refused;
/// `PRAGMA application_id = 0x6d657373` on the restored file gives it back.
#[derive(Debug, Clone)]
pub struct SqliteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connector: Connector,
    reads: SqlitePool,
    writer: Writer,
    workers: Workers,
    /// Whether the database's version has been checked.
    admitted: AtomicBool,
}

const OPENING: &str = "opening the database";

/// Makes the path absolute, so that SQLite takes no name for a URI or an in-memory database.
fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|why| StoreError::new(StoreErrorKind::Internal, OPENING).caused_by(why))
}

impl SqliteStore {
    /// Opens a file, and creates it if it does not exist; to require an existing file, use
    /// [`open_existing`](Self::open_existing). Does not migrate: until the file is migrated, by this store or
    /// another, every step fails with [`StoreErrorKind::Internal`] and a [`SchemaError`] as its cause.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the file cannot be opened or is locked,
    /// [`ReadOnly`](StoreErrorKind::ReadOnly) when it cannot be written, [`Corrupt`](StoreErrorKind::Corrupt)
    /// when it is not a database, [`Internal`](StoreErrorKind::Internal) where it cannot be in WAL mode, as on
    /// a network file system, and, caused by [`NotOurs`](crate::SchemaError::NotOurs), for an empty file or one
    /// of another program, which is left unchanged.
    pub async fn open(path: impl AsRef<Path> + Send, options: &SqliteOptions) -> Result<Self, StoreError> {
        let path = absolute(path.as_ref())?;
        let created = Connector::new(&path, options).create().await;
        created.map_err(failed(OPENING))?;
        Self::open_existing(path, options).await
    }

    /// Opens an existing file.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Unavailable`](StoreErrorKind::Unavailable) when the file does not
    /// exist.
    pub async fn open_existing(
        path: impl AsRef<Path> + Send,
        options: &SqliteOptions,
    ) -> Result<Self, StoreError> {
        let path = absolute(path.as_ref())?;
        let connector = Connector::new(&path, options);
        let connection = connector.open().await.map_err(|why| match why {
            NotOpened::NotOurs => {
                StoreError::new(StoreErrorKind::Internal, OPENING).caused_by(SchemaError::NotOurs)
            }
            NotOpened::Failed(error) => failed(OPENING)(error),
        })?;
        Ok(Self(Arc::new(Inner {
            reads: connector.readers(options),
            writer: Writer::start(connection, connector.clone(), options.queue),
            workers: Workers::new(&path),
            admitted: AtomicBool::new(false),
            connector,
        })))
    }

    /// [Opens](Self::open) a file and [migrates](Self::migrate) it.
    ///
    /// # Errors
    /// Those of both.
    pub async fn open_migrated(
        path: impl AsRef<Path> + Send,
        options: &SqliteOptions,
    ) -> Result<Self, StoreError> {
        let store = Self::open(path, options).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Migrates the database to the version that this code needs, in one transaction. Safe to call concurrently
    /// from any number of stores and processes.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal), caused by
    /// [`NeedsNewerCode`](crate::SchemaError::NeedsNewerCode), when a newer version of this library has
    /// migrated the database beyond what this one supports: upgrade.
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the file stays locked: try again.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let opened = self.0.connector.write().await;
        let mut connection = opened.map_err(failed("opening the database to migrate it"))?;
        let migrated = migrate::migrate(&mut connection).await;
        // The migration is committed, whether or not closing succeeds.
        connect::close(connection).await.ok();
        migrated
    }

    /// Executes the queued steps, checkpoints the log, closes the file, and admits the workers of another
    /// store. Every later step of this store and its clones fails with
    /// [`Unavailable`](StoreErrorKind::Unavailable).
    ///
    /// Dropping the store does the same in the background.
    pub async fn close(&self) {
        // The writing connection is closed last, so that no reader blocks its checkpoint.
        self.0.reads.close().await;
        self.0.writer.finish().await;
        self.0.workers.leave();
    }

    /// Executes a writing step.
    async fn write<S: Step>(&self, step: S) -> Result<S::Answer, StoreError> {
        self.admit(S::DOING).await?;
        self.0.writer.run(step).await
    }

    /// Acquires a connection for a read of one statement.
    async fn reader(&self, doing: &'static str) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.admit(doing).await?;
        self.0.reads.acquire().await.map_err(failed(doing))
    }

    /// Begins a transaction for a read of several statements.
    async fn snapshot(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.admit(doing).await?;
        self.0.reads.begin().await.map_err(failed(doing))
    }

    async fn admit(&self, doing: &'static str) -> Result<(), StoreError> {
        if !self.0.admitted.load(Ordering::Acquire) {
            let mut connection = self.0.reads.acquire().await.map_err(failed(doing))?;
            migrate::check(&mut connection, doing).await?;
            self.0.admitted.store(true, Ordering::Release);
        }
        Ok(())
    }
}
