//! The ramp-up: a slow start of calls after an outage.
//!
//! All lanes are due at once after an outage, and must not overload the transport again. The rate of calls begins low
//! and doubles every 5 seconds; after a minute it is unlimited.

use std::time::Duration;

use crate::time::Timestamp;

/// How often the rate doubles.
const DOUBLES_EVERY: Duration = Duration::from_secs(5);

/// The rate is unlimited after this many doublings.
const DOUBLINGS: u32 = 12;

/// The rate of calls after an outage. A burst may be as large as one second of the rate.
#[derive(Debug)]
pub(super) struct RampUp {
    since: Timestamp,
    /// The initial number of calls per second.
    rate: u32,
    /// How far the calls made by `at` are ahead of an even rate.
    ahead: Duration,
    at: Timestamp,
}

impl RampUp {
    pub(super) fn new(now: Timestamp, rate: u32) -> Self {
        Self {
            since: now,
            rate,
            ahead: Duration::ZERO,
            at: now,
        }
    }

    /// The pause before the next call; `None` once the rate is unlimited.
    pub(super) fn wait(&mut self, now: Timestamp) -> Option<Duration> {
        let doublings = now.since(self.since).as_secs() / DOUBLES_EVERY.as_secs();
        let doublings = u32::try_from(doublings).ok().filter(|n| *n < DOUBLINGS)?;
        let each = Duration::from_secs(1) / self.rate / (1 << doublings);
        let ahead = self.ahead.saturating_sub(now.since(self.at));
        self.ahead = ahead + each;
        self.at = now;
        Some((ahead + each).saturating_sub(Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn the_rate_doubles_every_five_seconds_and_ends_after_a_minute() {
        let mut ramp_up = RampUp::new(at(0), 10);
        let mut calls = vec![0_u32; 60];
        let mut now = 0;
        // One call at a time, as fast as allowed.
        while let Some(wait) = ramp_up.wait(at(now)) {
            now += i64::try_from(wait.as_millis()).unwrap();
            if let Some(calls) = calls.get_mut(usize::try_from(now / 1_000).unwrap()) {
                *calls += 1;
            }
        }
        assert!((19..=21).contains(&calls[0]), "{calls:?}");
        for (second, rate) in [(2, 10), (7, 20), (12, 40), (17, 80)] {
            assert!((rate - 2..=rate + 2).contains(&calls[second]), "{calls:?}");
        }
        assert!((60_000..61_000).contains(&now), "{now}");
    }

    #[test]
    fn a_caller_below_the_rate_never_waits() {
        let mut ramp_up = RampUp::new(at(0), 10);
        assert!((0..200).all(|n| ramp_up.wait(at(n * 100)) == Some(Duration::ZERO)));
    }
}
