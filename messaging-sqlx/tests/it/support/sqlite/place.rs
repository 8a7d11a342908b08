//! A database file for each test.

use std::path::{Path, PathBuf};

use messaging_sqlx::{SqliteOptions, SqliteStore};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A directory for one test, in which the database may not exist yet.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("messaging.db")
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The path of a file that SQLite keeps beside the database, by its suffix.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.0.path().join(format!("messaging.db{ending}"))
    }

    /// Every file with its bytes.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let read = |name: String| {
            let bytes = std::fs::read(self.0.path().join(&name)).unwrap();
            (name, bytes)
        };
        self.files().into_iter().map(read).collect()
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open_migrated(self.path(), &SqliteOptions::default())
            .await
            .unwrap()
    }

    pub(crate) async fn open_with(&self, options: &SqliteOptions) -> SqliteStore {
        SqliteStore::open_migrated(self.path(), options).await.unwrap()
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        connect(&self.path()).await
    }
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    options.create_if_missing(true).connect().await.unwrap()
}
