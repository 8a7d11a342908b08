//! Claiming due lanes.

use crate::{id::WorkerId, time::Timestamp};

/// A worker's request for due lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The worker.
    pub by: WorkerId,
    /// The current time: lanes whose lease or deferral ends at or before it may be claimed.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// The maximum number of lanes.
    pub limit: usize,
    /// How far back to look.
    pub scan: Scan,
}

impl Claim {
    /// Creates a claim with the usual scan.
    pub fn new(by: WorkerId, now: Timestamp, lease_until: Timestamp, limit: usize) -> Self {
        Self {
            by,
            now,
            lease_until,
            limit,
            scan: Scan::Usual,
        }
    }

    /// Sets [`scan`](Self::scan).
    pub fn with_scan(self, scan: Scan) -> Self {
        Self { scan, ..self }
    }
}

/// The range in which a claim scans for due lanes. A store whose every claim finds all due lanes ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// The store may skip a range in which earlier claims have found all due lanes.
    #[default]
    Usual,
    /// No range is skipped. Workers ask for it after a transaction of the host, whose commit may be late.
    Full,
}
