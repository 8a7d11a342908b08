//! Whether anyone is still at the other end.

use std::time::Duration;

use messaging_core::time::Timestamp;

/// What a connection's silence calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet: look again after this long.
    Quiet(Duration),
    /// Ask for a sign of life, and look again after this long.
    Ping(Duration),
    /// It was asked and did not answer in time.
    Dead,
}

/// Watches one connection: after the activity time-out it is asked, after the pong time-out it is dead. Any
/// message is a sign of life.
#[derive(Debug)]
pub(super) struct Liveness {
    activity_timeout: Duration,
    pong_timeout: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Heard(Timestamp),
    Asked(Timestamp),
}

impl Liveness {
    pub(super) fn new(activity_timeout: Duration, pong_timeout: Duration, now: Timestamp) -> Self {
        Self {
            activity_timeout,
            pong_timeout,
            state: State::Heard(now),
        }
    }

    /// Notes a sign of life. If it was asked for, answers after how long to look again, instead of when the
    /// pong would have been due.
    pub(super) fn heard(&mut self, now: Timestamp) -> Option<Duration> {
        let before = std::mem::replace(&mut self.state, State::Heard(now));
        matches!(before, State::Asked(_)).then_some(self.activity_timeout)
    }

    pub(super) fn check(&mut self, now: Timestamp) -> Verdict {
        // A clock that was set back counts from there: the next ping must not wait until it has caught up.
        match &mut self.state {
            State::Heard(at) | State::Asked(at) => *at = now.min(*at),
        }
        match self.state {
            State::Heard(at) => left(self.activity_timeout, at, now).map_or_else(
                || {
                    self.state = State::Asked(now);
                    Verdict::Ping(self.pong_timeout)
                },
                Verdict::Quiet,
            ),
            State::Asked(at) => left(self.pong_timeout, at, now).map_or(Verdict::Dead, Verdict::Quiet),
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

    fn check(heard_at: &[i64], checks: &[(i64, Verdict)]) {
        let mut liveness = Liveness::new(ACTIVITY, PONG, at(0));
        let mut heard_at = heard_at.iter().peekable();
        for (now, verdict) in checks {
            while let Some(heard) = heard_at.next_if(|heard| *heard <= now) {
                liveness.heard(at(*heard));
            }
            assert_eq!(liveness.check(at(*now)), *verdict, "at {now}");
        }
    }

    fn quiet(seconds: u64) -> Verdict {
        Verdict::Quiet(Duration::from_secs(seconds))
    }

    #[test]
    fn a_silent_connection_is_asked_and_then_given_up() {
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
    fn any_sign_of_life_starts_the_silence_anew() {
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
    fn only_an_answer_changes_when_to_look_again() {
        let mut liveness = Liveness::new(ACTIVITY, PONG, at(0));
        assert_eq!(liveness.heard(at(1)), None);
        assert_eq!(liveness.check(at(121)), Verdict::Ping(PONG));
        assert_eq!(liveness.heard(at(122)), Some(ACTIVITY));
        assert_eq!(liveness.heard(at(123)), None);
    }

    #[test]
    fn a_clock_set_back_puts_off_the_end_by_one_timeout_at_most() {
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
