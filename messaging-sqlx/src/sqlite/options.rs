use std::time::Duration;

/// How a [`SqliteStore`](super::SqliteStore) uses its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    pub(super) readers: u32,
    pub(super) queue: usize,
    pub(super) busy_timeout: Duration,
}

impl Default for SqliteOptions {
    /// 4 readers, a queue of 256 steps, and 5 seconds of patience with a locked file.
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 256,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteOptions {
    /// How many connections read at the same time; at least 1.
    #[must_use]
    pub fn with_readers(mut self, count: u32) -> Self {
        self.readers = count.max(1);
        self
    }

    /// How many steps may wait for the one connection that writes; at least 1. A step that finds the queue
    /// full is refused with [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_queue(mut self, steps: usize) -> Self {
        self.queue = steps.max(1);
        self
    }

    /// How long a step waits for a lock that another process has on the file, before it is refused with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_busy_timeout(mut self, limit: Duration) -> Self {
        self.busy_timeout = limit;
        self
    }
}
