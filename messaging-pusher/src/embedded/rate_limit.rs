//! Rate limits for one connection.

use std::{collections::VecDeque, time::Duration};

use messaging_core::time::Timestamp;

/// Accepts at most `per_second` events within any second.
#[derive(Debug)]
pub(super) struct SlidingWindow {
    per_second: usize,
    accepted: VecDeque<Timestamp>,
}

impl SlidingWindow {
    pub(super) fn new(per_second: usize) -> Self {
        Self {
            per_second,
            accepted: VecDeque::new(),
        }
    }

    /// Whether another event is within the limit; counts it if so.
    pub(super) fn accept(&mut self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| at <= now && now.since(at) < Duration::from_secs(1);
        // After the clock is set back, the limit must not block until it has caught up.
        self.accepted.retain(|at| recent(*at));
        let fits = self.accepted.len() < self.per_second;
        if fits {
            self.accepted.push_back(now);
        }
        fits
    }
}

/// A token bucket for reading messages.
#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: u64,
    /// In thousandths of a message, as `left`: one message a second is one unit a millisecond.
    capacity: u64,
    left: u64,
    last: Timestamp,
}

const MESSAGE: u64 = 1000;

impl TokenBucket {
    /// Creates a full bucket. Both numbers are at least 1.
    pub(super) fn new(per_second: u32, burst: u32, now: Timestamp) -> Self {
        let capacity = u64::from(burst) * MESSAGE;
        Self {
            per_second: u64::from(per_second),
            capacity,
            left: capacity,
            last: now,
        }
    }

    /// Takes one token. Returns the time until the next token, or `None` if one is available now.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Duration> {
        let elapsed = u64::try_from(now.since(self.last).as_millis()).unwrap_or(u64::MAX);
        // After the clock is set back, refilling continues from the new time.
        self.last = now;
        let refilled = self.left.saturating_add(elapsed.saturating_mul(self.per_second));
        self.left = refilled.min(self.capacity).saturating_sub(MESSAGE);
        let missing = MESSAGE.saturating_sub(self.left);
        (missing > 0).then(|| Duration::from_millis(missing.div_ceil(self.per_second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_events_are_accepted_within_any_second() {
        let mut window = SlidingWindow::new(10);
        let mut accept = |millis| window.accept(Timestamp::from_millis(millis));
        assert!((0..10).all(|i| accept(5_000 + i * 50)));
        assert!(!accept(5_999));
        assert!(accept(6_000) && !accept(6_000));
        assert!(accept(1_000), "the clock was set back");
    }

    #[test]
    fn a_bucket_allows_a_burst_and_refills_at_its_rate() {
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let millis = |millis| Some(Duration::from_millis(millis));
        let mut bucket = TokenBucket::new(100, 3, at(0));
        assert_eq!([0; 3].map(|now| bucket.take(at(now))), [None, None, millis(10)]);
        assert_eq!(bucket.take(at(10)), millis(10));
        assert_eq!(bucket.take(at(25)), millis(5), "half a token was left over");
        assert_eq!(bucket.take(at(30)), millis(10));
        assert_eq!(
            bucket.take(at(5_000)),
            None,
            "the bucket refills to its capacity only"
        );
        assert_eq!(bucket.take(at(5_000)), None);
        assert_eq!(bucket.take(at(5_000)), millis(10));
        assert_eq!(bucket.take(at(-500)), millis(10), "the clock was set back");
        assert_eq!(bucket.take(at(-490)), millis(10));
    }

    #[test]
    fn a_wait_is_never_zero() {
        let mut bucket = TokenBucket::new(u32::MAX, 1, Timestamp::EPOCH);
        assert_eq!(bucket.take(Timestamp::EPOCH), Some(Duration::from_millis(1)));
    }
}
