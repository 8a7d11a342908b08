//! The pace of calls after an outage.
//!
//! What has piled up is due at once, and must not bring the transport down again. So calls are made at a rate that
//! doubles every few seconds as long as the transport bears it, and after a minute at any.

use std::time::Duration;

use crate::time::Timestamp;

/// How often the pace doubles after an outage.
const DOUBLES_EVERY: Duration = Duration::from_secs(5);

/// After so many doublings calls are not paced any more.
const DOUBLINGS: u32 = 12;

/// The pace of calls after an outage: as many as are due in a second may go at once.
#[derive(Debug)]
pub(super) struct Pace {
    since: Timestamp,
    /// Calls a second at first.
    rate: u32,
    /// How far the calls so far were ahead of an even pace, at that time.
    ahead: Duration,
    at: Timestamp,
}

impl Pace {
    pub(super) fn new(now: Timestamp, rate: u32) -> Self {
        Self {
            since: now,
            rate,
            ahead: Duration::ZERO,
            at: now,
        }
    }

    /// How long the next call waits; `None` when calls need not be paced any more.
    pub(super) fn turn(&mut self, now: Timestamp) -> Option<Duration> {
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
        let mut pace = Pace::new(at(0), 10);
        let mut calls = vec![0_u32; 60];
        let mut now = 0;
        // One caller at a time, as fast as it may.
        while let Some(wait) = pace.turn(at(now)) {
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
    fn who_asks_for_less_never_waits() {
        let mut pace = Pace::new(at(0), 10);
        assert!((0..200).all(|n| pace.turn(at(n * 100)) == Some(Duration::ZERO)));
    }
}
