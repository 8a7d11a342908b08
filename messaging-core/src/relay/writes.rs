//! Whether the store takes writes, as far as probing writes say.
//!
//! A write that fails because the store is busy does not make a process unready: a load balancer would move its load to
//! the other processes, whose store is the same. A store that takes no write for long is not busy, whatever the errors
//! say, so the last success counts for a bounded time.

use std::time::Duration;

use crate::{store::StoreErrorKind, time::Timestamp};

/// For how long a success counts while later probes do not say whether the store takes writes.
const SUCCESS_COUNTS_FOR: Duration = Duration::from_secs(30);

/// What is known of the store's writes.
#[derive(Debug)]
pub(super) struct Writes {
    takes_writes: bool,
    /// When a probe last succeeded, or the process began.
    succeeded_at: Timestamp,
}

/// What a probe said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inference {
    /// Whether the store takes writes.
    Known,
    /// Nothing: the answer is that of the probe before.
    AsBefore,
    /// Nothing, for so long that the store is taken to refuse writes.
    Expired,
}

impl Writes {
    /// A process that begins `now`; its store takes writes until a probe says otherwise.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            takes_writes: true,
            succeeded_at: now,
        }
    }

    pub(super) fn takes_writes(&self) -> bool {
        self.takes_writes
    }

    /// Notes how a probe ended.
    pub(super) fn note(&mut self, probed: Result<(), StoreErrorKind>, now: Timestamp) -> Inference {
        // A clock that was set back must not prolong the time.
        self.succeeded_at = self.succeeded_at.min(now);
        match probed {
            Ok(()) => {
                self.takes_writes = true;
                self.succeeded_at = now;
                Inference::Known
            }
            Err(
                StoreErrorKind::Unavailable { .. } | StoreErrorKind::Retry | StoreErrorKind::OutcomeUnknown,
            ) => {
                if now.since(self.succeeded_at) <= SUCCESS_COUNTS_FOR {
                    return Inference::AsBefore;
                }
                self.takes_writes = false;
                Inference::Expired
            }
            // A replica, a full disk, a lost table, a revoked right, a damaged file: every write fails likewise.
            Err(
                StoreErrorKind::ReadOnly
                | StoreErrorKind::Corrupt
                | StoreErrorKind::Internal
                | StoreErrorKind::Unsupported,
            ) => {
                self.takes_writes = false;
                Inference::Known
            }
        }
    }
}
