use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    SqliteOptions,
    create::create,
    pragmas::{APPLICATION_ID, set_wal},
};

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

/// Checkpoints the log and closes the connection.
pub(super) async fn close(mut connection: SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await?;
    connection.close().await
}
