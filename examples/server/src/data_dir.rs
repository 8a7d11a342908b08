//! The directory of the SQLite file: of one running server.

use std::{
    fs::{self, File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

const DATABASE: &str = "messaging.db";
/// Locked as long as a server runs, and written to once it has made a database.
const LOCK: &str = "messaging.lock";
const MADE: &str =
    "A database was made here. A server does not start if it is gone; remove this file to begin anew.\n";

/// A directory that no other server has. Other commands of this program work beside it.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// Where the database of a directory is.
    pub(crate) fn file_in(dir: &Path) -> PathBuf {
        dir.join(DATABASE)
    }

    /// Makes the directory if it is not there, and takes it for this server until the process ends.
    pub(crate) fn occupy(dir: &Path) -> anyhow::Result<Self> {
        let shown = dir.display();
        fs::create_dir_all(dir).with_context(|| format!("the data directory {shown} cannot be made"))?;
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
                anyhow::bail!(
                    "another server runs on {shown}: stop it, or name another directory by DATA_DIR"
                )
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }

    /// Whether a server has made a database here.
    pub(crate) fn has_a_database(&self) -> anyhow::Result<bool> {
        let mut noted = String::new();
        let mut lock = &self.lock;
        lock.rewind()
            .and_then(|()| lock.read_to_string(&mut noted))
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        Ok(!noted.is_empty())
    }

    /// Remembers that there is a database here from now on.
    pub(crate) fn note_database(&self) -> anyhow::Result<()> {
        if self.has_a_database()? {
            return Ok(());
        }
        (&self.lock)
            .write_all(MADE.as_bytes())
            .and_then(|()| self.lock.sync_all())
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}
