use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

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

    /// Makes the file if it is not there, all or nothing: where it is, it says whose it is.
    pub(super) async fn create(&self) -> Result<(), sqlx::Error> {
        let path = self.0.get_filename();
        if path.try_exists().map_err(sqlx::Error::Io)? {
            return Ok(());
        }
        let new = beside(path);
        // Left by a process of this number that was killed.
        fs::remove_file(&new).ok();
        let made = async {
            let options = self.0.clone().filename(&new).create_if_missing(true);
            let mut connection = options.connect().await?;
            sqlx::query(SET_APPLICATION_ID).execute(&mut connection).await?;
            set_wal(&mut connection).await?;
            connection.close().await?;
            match fs::hard_link(&new, path) {
                Ok(()) => Ok(()),
                // By another process, at the same time.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(sqlx::Error::Io(error)),
            }
        }
        .await;
        fs::remove_file(&new).ok();
        made
    }

    /// Opens the file, which has to be ours, and sees to it that it is in WAL mode.
    pub(super) async fn open(&self) -> Result<SqliteConnection, NotOpened> {
        let mut connection = self.write().await.map_err(NotOpened::Failed)?;
        if !is_ours(&mut connection).await.map_err(NotOpened::Failed)? {
            return Err(NotOpened::NotOurs);
        }
        set_wal(&mut connection).await.map_err(NotOpened::Failed)?;
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

/// Why a file was not opened.
#[derive(Debug)]
pub(super) enum NotOpened {
    NotOurs,
    Failed(sqlx::Error),
}

/// Stands in the head of each file that this library makes: `mess`.
const APPLICATION_ID: i32 = 0x6d65_7373;
const SET_APPLICATION_ID: &str = "PRAGMA application_id = 0x6d657373";

/// Whether this library has made the file, or somebody by its migrations. An empty one says nothing.
async fn is_ours(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let id: i32 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await?;
    if id == APPLICATION_ID {
        return Ok(true);
    }
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration')",
    )
    .fetch_one(connection)
    .await
}

/// A name beside a file that no other process and no other store of this one has.
fn beside(path: &Path) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let mut name = path.as_os_str().to_owned();
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{count}.new", std::process::id()));
    name.into()
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
