//! Detects dead connections.

use std::time::Duration;

use messaging_core::time::Timestamp;

/// The result of a liveness check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No action; check again after this time.
    Quiet(Duration),
    /// Send a ping and check again after this time.
    Ping(Duration),
    /// The ping was not answered in time.
    Dead,
}

/// Tracks the activity of one connection: due for a ping after the activity timeout, dead after the pong timeout. Any
/// message counts as activity.
#[derive(Debug)]
pub(super) struct Liveness {
    activity_timeout: Duration,
    pong_timeout: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Active(Timestamp),
    Pinged(Timestamp),
}

impl Liveness {
    pub(super) fn new(activity_timeout: Duration, pong_timeout: Duration, now: Timestamp) -> Self {
        Self {
            activity_timeout,
            pong_timeout,
            state: State::Active(now),
        }
    }

    /// Records a message. If a ping was pending, returns the time until the next check, which replaces the pong
    /// deadline.
    pub(super) fn record_message(&mut self, now: Timestamp) -> Option<Duration> {
        let before = std::mem::replace(&mut self.state, State::Active(now));
        matches!(before, State::Pinged(_)).then_some(self.activity_timeout)
    }

    pub(super) fn check(&mut self, now: Timestamp) -> Verdict {
        // After the clock is set back, timeouts restart: otherwise the next ping would wait until the clock has caught
        // up.
        match &mut self.state {
            State::Active(at) | State::Pinged(at) => *at = now.min(*at),
        }
        match self.state {
            State::Active(at) => left(self.activity_timeout, at, now).map_or_else(
                || {
                    self.state = State::Pinged(now);
                    Verdict::Ping(self.pong_timeout)
                },
                Verdict::Quiet,
            ),
            State::Pinged(at) => left(self.pong_timeout, at, now).map_or(Verdict::Dead, Verdict::Quiet),
        }
    }
}

fn left(timeout: Duration, since: Timestamp, now: Timestamp) -> Option<Duration> {
    timeout
        .checked_sub(now.since(since))
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVITY: Duration = Duration::from_mins(2);
    const PONG: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    fn check(message_times: &[i64], checks: &[(i64, Verdict)]) {
        let mut liveness = Liveness::new(ACTIVITY, PONG, at(0));
        let mut message_times = message_times.iter().peekable();
        for (now, verdict) in checks {
            while let Some(time) = message_times.next_if(|at| *at <= now) {
                liveness.record_message(at(*time));
            }
            assert_eq!(liveness.check(at(*now)), *verdict, "at {now}");
        }
    }

    fn quiet(seconds: u64) -> Verdict {
        Verdict::Quiet(Duration::from_secs(seconds))
    }

    #[test]
    fn a_silent_connection_is_pinged_and_then_dead() {
        check(
            &[],
            &[
                (0, quiet(120)),
                (119, quiet(1)),
                (120, Verdict::Ping(PONG)),
                (149, quiet(1)),
                (150, Verdict::Dead),
            ],
        );
    }

    #[test]
    fn any_message_restarts_the_activity_timeout() {
        check(&[100], &[(120, quiet(100)), (220, Verdict::Ping(PONG))]);
        check(
            &[140],
            &[
                (120, Verdict::Ping(PONG)),
                (150, quiet(110)),
                (260, Verdict::Ping(PONG)),
            ],
        );
    }

    #[test]
    fn only_a_message_after_a_ping_reschedules_the_check() {
        let mut liveness = Liveness::new(ACTIVITY, PONG, at(0));
        assert_eq!(liveness.record_message(at(1)), None);
        assert_eq!(liveness.check(at(121)), Verdict::Ping(PONG));
        assert_eq!(liveness.record_message(at(122)), Some(ACTIVITY));
        assert_eq!(liveness.record_message(at(123)), None);
    }

    #[test]
    fn setting_the_clock_back_extends_a_timeout_once_at_most() {
        check(
            &[],
            &[
                (-1000, quiet(120)),
                (-880, Verdict::Ping(PONG)),
                (-900, quiet(30)),
                (-870, Verdict::Dead),
            ],
        );
    }
}
