use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteOptions, create::create, error::is_busy};

/// How long a read waits for its turn.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// How connections to the store's file are opened.
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

    /// Opens the file, which has to be ours, and sees to it that it is in WAL mode.
    pub(super) async fn open(&self) -> Result<SqliteConnection, NotOpened> {
        if !self.is_ours().await.map_err(NotOpened::Failed)? {
            return Err(NotOpened::NotOurs);
        }
        let mut connection = self.write().await.map_err(NotOpened::Failed)?;
        set_wal(&mut connection).await.map_err(NotOpened::Failed)?;
        Ok(connection)
    }

    /// Whether the file has our application id.
    ///
    /// The connection cannot write: one that can changes another program's file merely by being closed (it moves
    /// the log into the file) or by reading (it rolls back what a crash has left).
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

    /// Connections that cannot write.
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

/// Stands in the head of each file of ours: `mess`. The first migration sets it too, for a file made by it alone.
const APPLICATION_ID: i32 = 0x6d65_7373;
pub(super) const SET_APPLICATION_ID: &str = "PRAGMA application_id = 0x6d657373";

/// Moves the log into the file, and closes.
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
            // SQLite does not wait for this lock, whatever the busy time-out.
            Err(error) if is_busy(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
