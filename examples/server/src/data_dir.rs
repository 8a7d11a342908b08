//! The directory of the SQLite file; used by one server at a time.

use std::{
    fs::{self, File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

const DATABASE: &str = "messaging.db";
/// Locked while a server runs; written to after a database was created.
const LOCK: &str = "messaging.lock";
const LOCK_CONTENT: &str = "A database was created here. A server does not start if it is missing; remove this file to start with an empty one.\n";

/// A data directory locked by this server. Other commands of this program work beside it.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// The path of the database in a data directory.
    pub(crate) fn file_in(dir: &Path) -> PathBuf {
        dir.join(DATABASE)
    }

    /// Creates the directory if missing, and locks it until the process ends.
    pub(crate) fn lock(dir: &Path) -> anyhow::Result<Self> {
        let shown = dir.display();
        fs::create_dir_all(dir).with_context(|| format!("the data directory {shown} cannot be created"))?;
        let path = dir.join(LOCK);
        let mut options = File::options();
        let opened = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let lock = opened.with_context(|| format!("{} cannot be opened", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => {
                anyhow::bail!("another server runs on {shown}: stop it, or set DATA_DIR to another directory")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }

    /// Whether a database was created here.
    pub(crate) fn has_database(&self) -> anyhow::Result<bool> {
        let mut content = String::new();
        let mut lock = &self.lock;
        lock.rewind()
            .and_then(|()| lock.read_to_string(&mut content))
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        Ok(!content.is_empty())
    }

    /// Records that a database was created here.
    pub(crate) fn mark_database_created(&self) -> anyhow::Result<()> {
        if self.has_database()? {
            return Ok(());
        }
        (&self.lock)
            .write_all(LOCK_CONTENT.as_bytes())
            .and_then(|()| self.lock.sync_all())
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}
