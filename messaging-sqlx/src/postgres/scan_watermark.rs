//! The scan watermark: the time from which due lanes are scanned.
//!
//! A claim walks the index of due lanes from its low end, and that end is full of lanes that have been
//! acknowledged, which the database cannot remove while a transaction stays open: one of the host's, or a
//! backup. So a scan begins near the watermark, up to which an earlier one has seen everything.
//!
//! A lane may come to lie before the watermark:
//!
//! - By a step of this store, for a time long past. Each step tells when its lane is due
//!   ([`ScanWatermark::writing`]), and the watermark is reset where that time lies before it.
//! - By another process whose clock is further off than leases allow, or by a transaction that took longer than
//!   a lease. For these, every few minutes a scan is a full one, and so is one that a claim asks for.
//!
//! A scan skips a lane that another step has locked at that moment. The next scan finds it near the watermark;
//! so that it is found wherever it lies, two full scans precede the first scan from a watermark.
//!
//! Any `now` may be passed, by several workers with clocks of their own: a claim before the watermark scans
//! everything and moves it back, and the margin is that of the longest lease that any claim had.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_core::{
    store::{Claim, Scan},
    time::Timestamp,
};

/// How long scans may begin near the watermark until one is made of everything.
pub(super) const FULL_SCAN_EVERY: Duration = Duration::from_mins(5);

/// Up to when everything that was due has been seen, by this store and its clones.
#[derive(Debug, Default)]
pub(super) struct ScanWatermark(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mark: Option<Mark>,
    /// Whether one full scan has been made.
    has_scanned: bool,
    /// How often the watermark was reset: a scan that began before the last reset sets none.
    resets: u64,
    /// The longest lease of a claim.
    lease: Duration,
    /// Where a scan might begin now, or after the scans in progress, at the latest.
    horizon: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// When a scan last found everything that was due.
    seen: Timestamp,
    /// When a full scan last did.
    swept: Timestamp,
}

/// A scan for due lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// Lanes due before this time may be missed; the epoch for a full scan.
    pub(super) since: Timestamp,
    now: Timestamp,
    resets: u64,
}

/// Whether a scan left anything that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Everything,
    /// As many as were asked for, or not what was locked.
    Part,
}

impl ScanWatermark {
    /// Begins the scan of a claim.
    pub(super) fn begin(&self, claim: &Claim) -> Begun {
        let mut state = self.lock();
        if claim.scan == Scan::Full {
            state.reset();
        }
        let now = claim.now;
        state.lease = state.lease.max(claim.lease_until.since(now));
        let margin = 2 * state.lease;
        let goes_on = |mark: &Mark| now >= mark.seen && now.since(mark.swept) < FULL_SCAN_EVERY;
        let since = match state.mark.filter(goes_on) {
            Some(mark) => mark.seen - margin,
            None => Timestamp::EPOCH,
        };
        state.horizon = state.horizon.max(Some(now - margin));
        let resets = state.resets;
        Begun { since, now, resets }
    }

    /// Notes what a scan found.
    pub(super) fn note(&self, scan: Begun, found: Found) {
        let mut state = self.lock();
        if found == Found::Part || scan.resets != state.resets {
            return;
        }
        let seen = scan.now;
        let swept = match state.mark {
            Some(mark) if scan.since > Timestamp::EPOCH => mark.swept,
            _ if !state.has_scanned => {
                state.mark = None;
                state.has_scanned = true;
                return;
            }
            _ => seen,
        };
        state.has_scanned = false;
        state.mark = Some(Mark { seen, swept });
    }

    /// For as long as a step takes, or its future lives, that may make a lane due at this time.
    pub(super) fn writing(&self, due: Timestamp) -> Writing<'_> {
        Writing { watermark: self, due }
    }

    /// The same for a step that makes several lanes due; `None` for none.
    pub(super) fn writing_all(&self, due: impl Iterator<Item = Timestamp>) -> Option<Writing<'_>> {
        due.min().map(|due| self.writing(due))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes the next scans full ones.
    fn reset(&mut self) {
        self.mark = None;
        self.has_scanned = false;
        self.resets += 1;
        self.horizon = None;
    }
}

/// A step that may make a lane due; when it is over, the watermark is reset if that lane might be missed.
#[derive(Debug)]
#[must_use = "the step is over when this is dropped"]
pub(super) struct Writing<'a> {
    watermark: &'a ScanWatermark,
    due: Timestamp,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.watermark.lock();
        if Some(self.due) < state.horizon {
            state.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use messaging_core::id::WorkerId;
    use uuid::Uuid;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);
    const EVERYTHING: Timestamp = Timestamp::EPOCH;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    /// Scans at second `now` and finds `found` of at most 64 lanes; returns where the scan began.
    fn scan(water: &ScanWatermark, now: u64, found: usize) -> Timestamp {
        let scan = water.begin(&claim(now));
        water.note(scan, of_64(found));
        scan.since
    }

    fn of_64(found: usize) -> Found {
        if found < 64 {
            Found::Everything
        } else {
            Found::Part
        }
    }

    fn claim(now: u64) -> Claim {
        with_lease(now, LEASE)
    }

    fn with_lease(now: u64, lease: Duration) -> Claim {
        Claim::new(WorkerId::new(Uuid::nil()), at(now), at(now) + lease, 64)
    }

    fn full(now: u64) -> Claim {
        let mut full = claim(now);
        full.scan = Scan::Full;
        full
    }

    #[test]
    fn after_two_full_scans_the_next_begins_two_leases_before_the_watermark() {
        let water = ScanWatermark::default();
        assert_eq!(scan(&water, 99, 3), EVERYTHING);
        assert_eq!(scan(&water, 100, 3), EVERYTHING);
        assert_eq!(scan(&water, 101, 63), at(80));
        assert_eq!(scan(&water, 102, 0), at(81));
    }

    #[test]
    fn a_scan_that_reached_its_limit_sets_no_watermark() {
        let water = ScanWatermark::default();
        assert_eq!(scan(&water, 99, 64), EVERYTHING);
        assert_eq!(scan(&water, 99, 1), EVERYTHING);
        assert_eq!(scan(&water, 100, 64), EVERYTHING);
        assert_eq!(scan(&water, 101, 1), EVERYTHING);
        assert_eq!(scan(&water, 102, 64), at(81));
        assert_eq!(scan(&water, 103, 0), at(81));
    }

    #[test]
    fn a_full_scan_is_made_every_few_minutes() {
        let water = ScanWatermark::default();
        scan(&water, 0, 0);
        scan(&water, 0, 0);
        assert_eq!(scan(&water, 299, 0), at(0) - 2 * LEASE);
        assert_eq!(scan(&water, 300, 64), EVERYTHING);
        assert_eq!(scan(&water, 301, 0), EVERYTHING);
        assert_eq!(scan(&water, 302, 0), EVERYTHING);
        assert_eq!(scan(&water, 303, 0), at(282));
        assert_eq!(scan(&water, 601, 0), at(283));
        assert_eq!(scan(&water, 602, 0), EVERYTHING);
    }

    #[test]
    fn a_clock_set_back_or_a_request_causes_a_full_scan() {
        let water = ScanWatermark::default();
        scan(&water, 100, 0);
        scan(&water, 100, 0);
        assert_eq!(scan(&water, 99, 0), EVERYTHING);
        assert_eq!(scan(&water, 99, 0), EVERYTHING);
        assert_eq!(scan(&water, 100, 0), at(79));
        assert_eq!(water.begin(&full(101)).since, EVERYTHING);
        assert_eq!(scan(&water, 101, 0), EVERYTHING);
    }

    #[test]
    fn a_scan_that_began_before_a_reset_sets_no_watermark() {
        let water = ScanWatermark::default();
        for now in [100, 101] {
            let under_way = water.begin(&claim(now));
            water.lock().reset();
            water.note(under_way, Found::Everything);
            assert_eq!(scan(&water, now, 0), EVERYTHING);
        }
    }

    #[test]
    fn the_margin_is_that_of_the_longest_lease() {
        let water = ScanWatermark::default();
        for lease in [LEASE, 3 * LEASE, LEASE] {
            let scan = water.begin(&with_lease(100, lease));
            water.note(scan, Found::Everything);
        }
        assert_eq!(scan(&water, 101, 0), at(100) - 6 * LEASE);
    }

    /// A step that makes a lane due at second `due` while `during` happens.
    fn write(water: &ScanWatermark, due: u64, during: impl FnOnce()) {
        let writing = water.writing(at(due));
        during();
        drop(writing);
    }

    #[test]
    fn a_step_for_a_time_before_the_watermark_resets_it_and_no_other_does() {
        let water = ScanWatermark::default();
        for _ in 0..2 {
            assert_eq!(scan(&water, 100, 0), EVERYTHING);
        }
        write(&water, 80, || {});
        assert_eq!(scan(&water, 100, 0), at(80));
        write(&water, 79, || {});
        for _ in 0..2 {
            assert_eq!(scan(&water, 100, 0), EVERYTHING);
        }
        assert_eq!(scan(&water, 100, 0), at(80));
    }

    #[test]
    fn a_step_resets_what_scans_set_while_it_took_place() {
        let water = ScanWatermark::default();
        write(&water, 50, || {
            for _ in 0..2 {
                assert_eq!(scan(&water, 100, 0), EVERYTHING);
            }
            assert_eq!(scan(&water, 100, 0), at(80));
        });
        assert_eq!(scan(&water, 101, 0), EVERYTHING);
    }

    #[test]
    fn a_step_that_ends_during_a_scan_keeps_it_from_setting_a_watermark() {
        let water = ScanWatermark::default();
        scan(&water, 100, 0);
        let under_way = water.begin(&claim(100));
        write(&water, 50, || {});
        water.note(under_way, Found::Everything);
        for _ in 0..2 {
            assert_eq!(scan(&water, 101, 0), EVERYTHING);
        }
    }
}
