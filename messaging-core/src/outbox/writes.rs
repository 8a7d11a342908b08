//! Whether the store takes writes, as inferred from probing writes.
//!
//! A write that fails because the store is busy does not make a process unready: a load balancer would move its load to
//! other processes of the same store. A store that takes no write for a long time is not merely busy, whatever the
//! errors are, so the last success counts for a bounded time.

use std::time::Duration;

use crate::{store::StoreErrorKind, time::Timestamp};

/// How long a success counts while later probes are inconclusive.
const SUCCESS_COUNTS_FOR: Duration = Duration::from_secs(30);

/// The results of probing writes.
#[derive(Debug)]
pub(super) struct Writes {
    takes_writes: bool,
    /// When a probe last succeeded, or the process started.
    succeeded_at: Timestamp,
}

/// The meaning of a probe's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inference {
    /// The probe shows whether the store takes writes.
    Known,
    /// The probe is inconclusive: the previous result stays.
    AsBefore,
    /// Probes have been inconclusive for so long that the store counts as refusing writes.
    Expired,
}

impl Writes {
    /// The state of a process that starts at `now`: the store takes writes until a probe shows otherwise.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            takes_writes: true,
            succeeded_at: now,
        }
    }

    pub(super) fn takes_writes(&self) -> bool {
        self.takes_writes
    }

    /// Notes the result of a probe.
    pub(super) fn note(&mut self, probed: Result<(), StoreErrorKind>, now: Timestamp) -> Inference {
        // After the clock was set back, the previous success must not count for longer.
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
            // A replica, a full disk, a missing table or privilege, a corrupt file: every write fails in the same way.
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
