use std::time::Duration;

/// Options of a [`SqliteStore`](super::SqliteStore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    pub(super) readers: u32,
    pub(super) queue: usize,
    pub(super) busy_timeout: Duration,
}

impl Default for SqliteOptions {
    /// The defaults: 4 readers, a queue of 256 steps, and a busy timeout of 5 seconds.
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 256,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteOptions {
    /// Sets how many connections read concurrently; at least 1.
    #[must_use]
    pub fn with_readers(mut self, count: u32) -> Self {
        self.readers = count.max(1);
        self
    }

    /// Sets how many steps may wait for the single writing connection; at least 1. A step that finds the queue
    /// full fails with [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_queue(mut self, steps: usize) -> Self {
        self.queue = steps.max(1);
        self
    }

    /// Sets how long a step waits for another process's lock on the file before it fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_busy_timeout(mut self, limit: Duration) -> Self {
        self.busy_timeout = limit;
        self
    }
}
