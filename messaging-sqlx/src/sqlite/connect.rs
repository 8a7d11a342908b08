use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteOptions, error::is_busy};

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

    /// Opens the file, makes it if it is not there, and sees to it that it is in WAL mode.
    pub(super) async fn create(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = self.0.clone().create_if_missing(true).connect().await?;
        set_wal(&mut connection).await?;
        Ok(connection)
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

/// Moves the log into the file, and closes.
pub(super) async fn close(mut connection: SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

async fn set_wal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
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
