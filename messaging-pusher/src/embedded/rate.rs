//! How often one connection may speak, to us and to others.

use std::{collections::VecDeque, time::Duration};

use messaging_core::time::Timestamp;

/// At most so many events within any second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: usize,
    accepted: VecDeque<Timestamp>,
}

impl Rate {
    pub(super) fn new(per_second: usize) -> Self {
        Self {
            per_second,
            accepted: VecDeque::new(),
        }
    }

    /// Counts one more event, unless it is one too many.
    pub(super) fn accept(&mut self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| at <= now && now.since(at) < Duration::from_secs(1);
        // A clock that was set back must not silence the connection until it has caught up.
        self.accepted.retain(|at| recent(*at));
        let fits = self.accepted.len() < self.per_second;
        if fits {
            self.accepted.push_back(now);
        }
        fits
    }
}

/// How many messages may be read: so many at once, and then as many as come back each second.
#[derive(Debug)]
pub(super) struct Budget {
    per_second: u64,
    /// In thousandths of a message, as is `left`: that is what one a second yields each millisecond.
    burst: u64,
    left: u64,
    last: Timestamp,
}

const MESSAGE: u64 = 1000;

impl Budget {
    /// A full budget; both numbers are at least 1.
    pub(super) fn new(per_second: u32, burst: u32, now: Timestamp) -> Self {
        let burst = u64::from(burst) * MESSAGE;
        Self {
            per_second: u64::from(per_second),
            burst,
            left: burst,
            last: now,
        }
    }

    /// Pays for one message. Answers how long to wait before the next, if there is nothing left for it.
    pub(super) fn spend(&mut self, now: Timestamp) -> Option<Duration> {
        let elapsed = u64::try_from(now.since(self.last).as_millis()).unwrap_or(u64::MAX);
        // A clock that was set back counts from there.
        self.last = now;
        let refilled = self.left.saturating_add(elapsed.saturating_mul(self.per_second));
        self.left = refilled.min(self.burst).saturating_sub(MESSAGE);
        let missing = MESSAGE.saturating_sub(self.left);
        (missing > 0).then(|| Duration::from_millis(missing.div_ceil(self.per_second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_second_holds_at_most_ten() {
        let mut rate = Rate::new(10);
        let mut accept = |millis| rate.accept(Timestamp::from_millis(millis));
        assert!((0..10).all(|i| accept(5_000 + i * 50)));
        assert!(!accept(5_999));
        assert!(accept(6_000) && !accept(6_000));
        assert!(accept(1_000), "the clock was set back");
    }

    #[test]
    fn a_budget_is_spent_at_once_and_comes_back_little_by_little() {
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let millis = |millis| Some(Duration::from_millis(millis));
        let mut budget = Budget::new(100, 3, at(0));
        assert_eq!([0; 3].map(|now| budget.spend(at(now))), [None, None, millis(10)]);
        assert_eq!(budget.spend(at(10)), millis(10));
        assert_eq!(budget.spend(at(25)), millis(5), "half a message was left over");
        assert_eq!(budget.spend(at(30)), millis(10));
        assert_eq!(budget.spend(at(5_000)), None, "full again, and no fuller");
        assert_eq!(budget.spend(at(5_000)), None);
        assert_eq!(budget.spend(at(5_000)), millis(10));
        assert_eq!(budget.spend(at(-500)), millis(10), "the clock was set back");
        assert_eq!(budget.spend(at(-490)), millis(10));
    }

    #[test]
    fn a_waiting_time_is_never_zero() {
        let mut budget = Budget::new(u32::MAX, 1, Timestamp::EPOCH);
        assert_eq!(budget.spend(Timestamp::EPOCH), Some(Duration::from_millis(1)));
    }
}
