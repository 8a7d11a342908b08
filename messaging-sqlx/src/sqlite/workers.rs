use std::{
    fs::{File, TryLockError},
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use messaging_core::store::{Publisher, StoreError, StoreErrorKind};

/// Admission of this store's workers. The workers of one store at a time may publish, ensured by an
/// operating-system lock on a file beside the database.
#[derive(Debug)]
pub(super) struct Workers {
    path: PathBuf,
    admission: Mutex<Admission>,
}

#[derive(Debug)]
enum Admission {
    /// Not requested, or not granted yet.
    Open,
    /// Granted for as long as the file is open.
    Granted { _lock: File },
    /// Released permanently.
    Over,
}

#[derive(Debug, thiserror::Error)]
enum NotAdmitted {
    #[error("another process, or another store of this one, has workers on this database")]
    Taken,
    #[error("the store is closed")]
    Closed,
    #[error("the file that admits workers cannot be locked")]
    File(#[source] io::Error),
}

impl Workers {
    pub(super) fn new(database: &std::path::Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".workers");
        Self {
            path: path.into(),
            admission: Mutex::new(Admission::Open),
        }
    }

    /// Requests admission; fails while another store's workers are admitted.
    pub(super) fn admit(&self, doing: &'static str) -> Result<(), StoreError> {
        self.ask()
            .map_err(|why| StoreError::new(StoreErrorKind::ReadOnly, doing).caused_by(why))
    }

    /// Returns the publisher, or [`Publisher::Anyone`] for a worker that is not admitted.
    pub(super) fn admitted(&self, publisher: Publisher) -> Publisher {
        match publisher {
            Publisher::Worker { .. } if self.ask().is_err() => Publisher::Anyone,
            _ => publisher,
        }
    }

    /// Releases the lock for the workers of another store.
    pub(super) fn leave(&self) {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner) = Admission::Over;
    }

    fn ask(&self) -> Result<(), NotAdmitted> {
        let mut admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        match *admission {
            Admission::Granted { .. } => Ok(()),
            Admission::Over => Err(NotAdmitted::Closed),
            Admission::Open => {
                let mut options = File::options();
                let opened = options.write(true).create(true).truncate(false).open(&self.path);
                let file = opened.map_err(NotAdmitted::File)?;
                match file.try_lock() {
                    Ok(()) => {
                        *admission = Admission::Granted { _lock: file };
                        Ok(())
                    }
                    Err(TryLockError::WouldBlock) => Err(NotAdmitted::Taken),
                    Err(TryLockError::Error(error)) => Err(NotAdmitted::File(error)),
                }
            }
        }
    }
}
