//! The scan watermark: the time from which due lanes are scanned.
//!
//! A store may find what is due by walking an index from its low end, and that end is full of lanes that have
//! been acknowledged, which the database cannot remove while a transaction stays open: one of the host's, or a backup. So a
//! scan begins near the watermark up to which an earlier one has seen everything. A lane can come to lie before it through
//! clocks further apart than leases allow, or a step that took longer than a lease: for them a full scan is made every
//! few minutes.
//!
//! A store may pass over a lane that a step holds just then. The next scan finds it near the watermark; so that it is
//! found wherever it lies, two full scans precede the first scan from a watermark.

use std::time::Duration;

use crate::{store::Claim, time::Timestamp};

/// Up to when everything that was due has been seen.
#[derive(Debug, Default)]
pub(super) struct ScanWatermark {
    mark: Option<Mark>,
    /// Whether one full scan has been made.
    has_scanned: bool,
    /// How often the watermark was reset: a scan that began before the last reset sets none.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// When a scan last found fewer lanes than its limit.
    seen: Timestamp,
    /// When a full scan last did.
    swept: Timestamp,
}

/// A scan for due lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// Lanes due before this time may be missed; the epoch for a full scan.
    pub(super) since: Timestamp,
    forgotten: u64,
}

impl ScanWatermark {
    /// Begins a scan at `now`.
    pub(super) fn begin(&self, now: Timestamp, lease: Duration, sweep_every: Duration) -> Scan {
        let goes_on = |mark: &Mark| now >= mark.seen && now.since(mark.swept) < sweep_every;
        let since = match self.mark.filter(goes_on) {
            Some(mark) => mark.seen - 2 * lease,
            None => Timestamp::EPOCH,
        };
        let forgotten = self.forgotten;
        Scan { since, forgotten }
    }

    /// Notes how many lanes the claim of a scan found.
    pub(super) fn note(&mut self, scan: Scan, claim: &Claim, found: usize) {
        if found >= claim.limit || scan.forgotten != self.forgotten {
            return;
        }
        let seen = claim.now;
        let swept = match self.mark {
            Some(mark) if scan.since > Timestamp::EPOCH => mark.swept,
            _ if !self.has_scanned => {
                self.mark = None;
                self.has_scanned = true;
                return;
            }
            _ => seen,
        };
        self.has_scanned = false;
        self.mark = Some(Mark { seen, swept });
    }

    /// Makes the next scan a full one.
    pub(super) fn forget(&mut self) {
        self.mark = None;
        self.has_scanned = false;
        self.forgotten += 1;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::WorkerId;

    const LEASE: Duration = Duration::from_secs(10);
    const SWEEP: Duration = Duration::from_mins(5);
    const EVERYTHING: Timestamp = Timestamp::EPOCH;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    /// Scans at second `now` and finds `found` of at most 64 lanes; returns where the scan began.
    fn scan(water: &mut ScanWatermark, now: u64, found: usize) -> Timestamp {
        let scan = water.begin(at(now), LEASE, SWEEP);
        water.note(scan, &claim(now), found);
        scan.since
    }

    fn claim(now: u64) -> Claim {
        Claim::new(WorkerId::new(Uuid::nil()), at(now), at(now) + LEASE, 64)
    }

    #[test]
    fn after_two_full_scans_the_next_begins_two_leases_before_the_watermark() {
        let mut water = ScanWatermark::default();
        assert_eq!(scan(&mut water, 99, 3), EVERYTHING);
        assert_eq!(scan(&mut water, 100, 3), EVERYTHING);
        assert_eq!(scan(&mut water, 101, 63), at(80));
        assert_eq!(scan(&mut water, 102, 0), at(81));
    }

    #[test]
    fn a_scan_that_reached_its_limit_sets_no_watermark() {
        let mut water = ScanWatermark::default();
        assert_eq!(scan(&mut water, 99, 64), EVERYTHING);
        assert_eq!(scan(&mut water, 99, 1), EVERYTHING);
        assert_eq!(scan(&mut water, 100, 64), EVERYTHING);
        assert_eq!(scan(&mut water, 101, 1), EVERYTHING);
        assert_eq!(scan(&mut water, 102, 64), at(81));
        assert_eq!(scan(&mut water, 103, 0), at(81));
    }

    #[test]
    fn a_full_scan_is_made_every_few_minutes() {
        let mut water = ScanWatermark::default();
        scan(&mut water, 0, 0);
        scan(&mut water, 0, 0);
        assert_eq!(scan(&mut water, 299, 0), at(0) - 2 * LEASE);
        assert_eq!(scan(&mut water, 300, 64), EVERYTHING);
        assert_eq!(scan(&mut water, 301, 0), EVERYTHING);
        assert_eq!(scan(&mut water, 302, 0), EVERYTHING);
        assert_eq!(scan(&mut water, 303, 0), at(282));
        assert_eq!(scan(&mut water, 601, 0), at(283));
        assert_eq!(scan(&mut water, 602, 0), EVERYTHING);
    }

    #[test]
    fn a_clock_set_back_and_a_reset_cause_a_full_scan() {
        let mut water = ScanWatermark::default();
        scan(&mut water, 100, 0);
        scan(&mut water, 100, 0);
        assert_eq!(scan(&mut water, 99, 0), EVERYTHING);
        assert_eq!(scan(&mut water, 99, 0), EVERYTHING);
        assert_eq!(scan(&mut water, 100, 0), at(79));
        water.forget();
        assert_eq!(scan(&mut water, 101, 0), EVERYTHING);
    }

    #[test]
    fn a_scan_that_began_before_a_reset_sets_no_watermark() {
        let mut water = ScanWatermark::default();
        for now in [100, 101] {
            let under_way = water.begin(at(now), LEASE, SWEEP);
            water.forget();
            water.note(under_way, &claim(now), 0);
            assert_eq!(scan(&mut water, now, 0), EVERYTHING);
        }
    }
}
