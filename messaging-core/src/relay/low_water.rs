//! From when on lanes are looked for.
//!
//! A store may find what is due by walking an index from its low end, and that end is full of lanes that have
//! been acknowledged, which the database cannot remove while a transaction stays open: one of the host's, or a backup. So a
//! scan begins near the watermark up to which an earlier one has seen everything. A lane can come to lie before it through
//! clocks further apart than leases allow, or a step that took longer than a lease: for them a full scan is made every
//! few minutes.
//!
//! A store may pass over a lane that a step holds just then. Near the mark the next look finds it; so that it is
//! found wherever it lies, everything is looked at twice before looks begin near a mark.

use std::time::Duration;

use crate::{store::Claim, time::Timestamp};

/// Up to when everything that was due has been seen.
#[derive(Debug, Default)]
pub(super) struct LowWater {
    mark: Option<Mark>,
    /// Whether everything has been looked at once.
    has_looked: bool,
    /// How often it was forgotten: what a look finds that began before then says nothing of what made it so.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// When a look found less than it would have taken.
    seen: Timestamp,
    /// When a look at everything did.
    swept: Timestamp,
}

/// A look for lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Since when a lane has to have been due to be found; the epoch for a look at everything.
    pub(super) since: Timestamp,
    forgotten: u64,
}

impl LowWater {
    /// A look that begins `now`.
    pub(super) fn look(&self, now: Timestamp, lease: Duration, sweep_every: Duration) -> Look {
        let goes_on = |mark: &Mark| now >= mark.seen && now.since(mark.swept) < sweep_every;
        let since = match self.mark.filter(goes_on) {
            Some(mark) => mark.seen - 2 * lease,
            None => Timestamp::EPOCH,
        };
        let forgotten = self.forgotten;
        Look { since, forgotten }
    }

    /// Notes that the claim of a look found so many lanes.
    pub(super) fn note(&mut self, look: Look, claim: &Claim, found: usize) {
        if found >= claim.limit || look.forgotten != self.forgotten {
            return;
        }
        let seen = claim.now;
        let swept = match self.mark {
            Some(mark) if look.since > Timestamp::EPOCH => mark.swept,
            _ if !self.has_looked => {
                self.mark = None;
                self.has_looked = true;
                return;
            }
            _ => seen,
        };
        self.has_looked = false;
        self.mark = Some(Mark { seen, swept });
    }

    /// Makes the next look one at everything.
    pub(super) fn forget(&mut self) {
        self.mark = None;
        self.has_looked = false;
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

    /// Looks at second `now` and finds so many of at most 64; answers since when it looked.
    fn look(water: &mut LowWater, now: u64, found: usize) -> Timestamp {
        let look = water.look(at(now), LEASE, SWEEP);
        water.note(look, &claim(now), found);
        look.since
    }

    fn claim(now: u64) -> Claim {
        Claim::new(WorkerId::new(Uuid::nil()), at(now), at(now) + LEASE, 64)
    }

    #[test]
    fn after_two_looks_at_everything_the_next_goes_back_by_two_leases() {
        let mut water = LowWater::default();
        assert_eq!(look(&mut water, 99, 3), EVERYTHING);
        assert_eq!(look(&mut water, 100, 3), EVERYTHING);
        assert_eq!(look(&mut water, 101, 63), at(80));
        assert_eq!(look(&mut water, 102, 0), at(81));
    }

    #[test]
    fn a_look_that_took_all_it_could_has_not_seen_everything() {
        let mut water = LowWater::default();
        assert_eq!(look(&mut water, 99, 64), EVERYTHING);
        assert_eq!(look(&mut water, 99, 1), EVERYTHING);
        assert_eq!(look(&mut water, 100, 64), EVERYTHING);
        assert_eq!(look(&mut water, 101, 1), EVERYTHING);
        assert_eq!(look(&mut water, 102, 64), at(81));
        assert_eq!(look(&mut water, 103, 0), at(81));
    }

    #[test]
    fn every_few_minutes_everything_is_looked_at() {
        let mut water = LowWater::default();
        look(&mut water, 0, 0);
        look(&mut water, 0, 0);
        assert_eq!(look(&mut water, 299, 0), at(0) - 2 * LEASE);
        assert_eq!(look(&mut water, 300, 64), EVERYTHING);
        assert_eq!(look(&mut water, 301, 0), EVERYTHING);
        assert_eq!(look(&mut water, 302, 0), EVERYTHING);
        assert_eq!(look(&mut water, 303, 0), at(282));
        assert_eq!(look(&mut water, 601, 0), at(283));
        assert_eq!(look(&mut water, 602, 0), EVERYTHING);
    }

    #[test]
    fn so_it_is_when_the_clock_went_back_and_when_told_to() {
        let mut water = LowWater::default();
        look(&mut water, 100, 0);
        look(&mut water, 100, 0);
        assert_eq!(look(&mut water, 99, 0), EVERYTHING);
        assert_eq!(look(&mut water, 99, 0), EVERYTHING);
        assert_eq!(look(&mut water, 100, 0), at(79));
        water.forget();
        assert_eq!(look(&mut water, 101, 0), EVERYTHING);
    }

    #[test]
    fn a_look_under_way_does_not_count_for_what_was_said_meanwhile() {
        let mut water = LowWater::default();
        for now in [100, 101] {
            let under_way = water.look(at(now), LEASE, SWEEP);
            water.forget();
            water.note(under_way, &claim(now), 0);
            assert_eq!(look(&mut water, now, 0), EVERYTHING);
        }
    }
}
