use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteOptions, create::create, error::is_busy};

/// How long a read waits for a lock on the file.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens connections to the store's file.
#[derive(Debug, Clone)]
pub(super) struct Connector(SqliteConnectOptions);

impl Connector {
    pub(super) fn new(absolute: &Path, options: &SqliteOptions) -> Self {
        Self(
            SqliteConnectOptions::new()
                .filename(absolute)
                .busy_timeout(options.busy_timeout)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true),
        )
    }

    /// Creates the file unless it exists.
    pub(super) async fn create(&self) -> Result<(), sqlx::Error> {
        create(&self.0).await
    }

    /// Opens the file, checks its application id, and sets WAL mode.
    pub(super) async fn open(&self) -> Result<SqliteConnection, NotOpened> {
        if !self.is_ours().await.map_err(NotOpened::Failed)? {
            return Err(NotOpened::NotOurs);
        }
        let mut connection = self.write().await.map_err(NotOpened::Failed)?;
        set_wal(&mut connection).await.map_err(NotOpened::Failed)?;
        Ok(connection)
    }

    /// Whether the file has this library's application id.
    ///
    /// The check uses a read-only connection: a writable one can change another program's file by being closed
    /// (it checkpoints the log) or by reading (it rolls back an interrupted transaction).
    async fn is_ours(&self) -> Result<bool, sqlx::Error> {
        let mut connection = self.0.clone().read_only(true).connect().await?;
        let id: i32 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok(id == APPLICATION_ID)
    }

    /// Opens the file for writing; fails when it is gone.
    pub(super) async fn write(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.0.connect().await
    }

    /// Creates a pool of read-only connections.
    pub(super) fn readers(&self, options: &SqliteOptions) -> SqlitePool {
        SqlitePoolOptions::new()
            .max_connections(options.readers)
            .acquire_timeout(READER_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.0.clone().read_only(true))
    }
}

/// Why a file was not opened.
#[derive(Debug)]
pub(super) enum NotOpened {
    NotOurs,
    Failed(sqlx::Error),
}

/// The application id in the header of each file of this library: `mess`. The first migration sets it too, for
/// a file that only the migration scripts created.
const APPLICATION_ID: i32 = 0x6d65_7373;
pub(super) const SET_APPLICATION_ID: &str = "PRAGMA application_id = 0x6d657373";

/// Checkpoints the log and closes the connection.
pub(super) async fn close(mut connection: SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

pub(super) async fn set_wal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const ATTEMPTS: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(50);

    let mut attempt = 1;
    loop {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await;
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let why = format!("the file cannot be in WAL mode here, only in mode {mode}");
                return Err(sqlx::Error::Configuration(why.into()));
            }
            // SQLite does not apply the busy timeout to this lock.
            Err(error) if is_busy(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
