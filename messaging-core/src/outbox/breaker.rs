//! The circuit breaker of one process: decides whether the process may call the transport.
//!
//! Each lane has its own back-off. Three conditions concern all lanes: the transport refuses the credentials, asks for
//! a pause, or is down. Each of them *opens* the breaker:
//!
//! ```text
//!          3 lanes in a row fail, a pause is asked for, credentials are refused
//! Closed ─────────────────────────────────────────────────────────────────────> Open
//!    ^                                                                           │ the wait is over
//!    └────────────── a call is answered ── HalfOpen: one lane on trial <─────────┘
//!                                              └── it fails: Open again, for longer
//! ```
//!
//! While the breaker is open, this process publishes no lanes and creates new ones without an owner: no queue grows in
//! memory, and the store is not polled for lanes that cannot be published.
//!
//! A single lane whose events make the transport fail must not look like an outage: repeated failures of one lane do
//! not open the breaker.
//!
//! When the breaker closes, many lanes are due at once, so calls [ramp up](super::ramp_up).

use std::time::Duration;

use super::ramp_up::RampUp;
use crate::{backoff, id::ConversationId, time::Timestamp};

/// Consecutive failures of this many different lanes count as an outage.
const OUTAGE_LANES: usize = 3;

/// The longest wait before the transport is tried again.
const MAX_OUTAGE_WAIT: Duration = Duration::from_secs(5);

/// Decides whether calls may be made, and at which rate after an outage.
#[derive(Debug)]
pub(super) struct Breaker {
    tripped: Option<Tripped>,
    /// The lanes that failed since the last answered call, without duplicates.
    failing: Vec<ConversationId>,
    drain_rate: u32,
    ramp_up: Option<RampUp>,
}

#[derive(Debug, Clone, Copy)]
struct Tripped {
    until: Timestamp,
    why: Why,
    /// How many times in a row the breaker has opened.
    times: u32,
    /// Whether a lane is being published as a trial.
    is_on_trial: bool,
}

/// The reason why the breaker is open, ordered by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The transport is down.
    Outage,
    /// The transport asks for a pause.
    Busy,
    /// The transport refuses the credentials.
    Credentials,
}

/// The state of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Every lane may be published.
    Closed,
    /// One lane may be published, as a trial.
    HalfOpen,
    /// No lane may be published.
    Open,
}

/// A trial: the publication of one lane, to test the transport.
#[derive(Debug)]
pub(super) struct Trial {
    /// The time at which the trial ends without an answer. It also identifies the trial.
    until: Timestamp,
}

/// Why a call to the transport failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFailure {
    /// The transport gave no usable answer.
    Down,
    /// The transport asks for a pause.
    Busy { retry_after: Option<Duration> },
    /// The transport refuses the credentials; publishing stops for `halt`.
    Credentials { halt: Duration },
}

impl CallFailure {
    /// The reason and the duration for which the breaker opens; `backed_off` if the failure names no duration.
    fn opens(self, backed_off: Duration) -> (Why, Duration) {
        match self {
            Self::Down => (Why::Outage, backed_off),
            Self::Busy { retry_after } => {
                let asked = retry_after.unwrap_or_default().min(backoff::MAX_DELAY);
                (Why::Busy, asked.max(backed_off))
            }
            Self::Credentials { halt } => (Why::Credentials, halt),
        }
    }
}

impl Breaker {
    /// Creates a closed breaker; `drain_rate` is the call rate after an outage, per second.
    pub(super) fn new(drain_rate: u32) -> Self {
        Self {
            tripped: None,
            failing: Vec::new(),
            drain_rate,
            ramp_up: None,
        }
    }

    pub(super) fn state(&self, now: Timestamp) -> State {
        match self.tripped {
            None => State::Closed,
            Some(tripped) if tripped.until <= now => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// The reason why the breaker is open; `None` while it is closed.
    pub(super) fn why(&self) -> Option<Why> {
        self.tripped.map(|tripped| tripped.why)
    }

    /// Whether new calls are forbidden.
    pub(super) fn forbids_calls(&self, now: Timestamp) -> bool {
        self.tripped
            .is_some_and(|tripped| !tripped.is_on_trial && tripped.until > now)
    }

    /// Begins a trial of one lane. If there is no answer by `until`, another trial may begin.
    pub(super) fn begin_trial(&mut self, until: Timestamp) -> Trial {
        if let Some(tripped) = &mut self.tripped {
            tripped.until = until;
            tripped.is_on_trial = true;
        }
        Trial { until }
    }

    /// Ends a trial that made no call and so has no result: another trial may begin at once.
    pub(super) fn abandon(&mut self, trial: &Trial, now: Timestamp) {
        let unused = |tripped: &&mut Tripped| tripped.is_on_trial && tripped.until == trial.until;
        if let Some(tripped) = self.tripped.as_mut().filter(unused) {
            tripped.until = tripped.until.min(now);
            tripped.is_on_trial = false;
        }
    }

    /// Closes the breaker: the transport answered and accepted the credentials, even if it refused the events. Returns
    /// the reason why the breaker was open, if it was.
    pub(super) fn answered(&mut self, now: Timestamp) -> Option<Why> {
        self.failing.clear();
        let tripped = self.tripped.take()?;
        self.ramp_up = Some(RampUp::new(now, self.drain_rate));
        Some(tripped.why)
    }

    /// Counts a failed call that carried events of this lane, and opens the breaker if needed. `chance` spreads the
    /// retries of several processes. Returns the reason why the breaker is open, if the reason has changed.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        lane: ConversationId,
        failure: CallFailure,
        chance: f64,
    ) -> Option<Why> {
        if failure == CallFailure::Down && !self.failing.contains(&lane) {
            self.failing.push(lane);
        }
        let outage = self.tripped.is_some() || self.failing.len() >= OUTAGE_LANES;
        if failure == CallFailure::Down && !outage {
            return None;
        }
        // Calls that began before the breaker opened do not count as another failed trial.
        let straggling = self.tripped.filter(|tripped| !tripped.is_on_trial);
        let times = match straggling {
            Some(tripped) => tripped.times,
            None => self.tripped.map_or(1, |tripped| tripped.times.saturating_add(1)),
        };
        let (why, wait) = failure.opens(backoff::delay(times, chance).min(MAX_OUTAGE_WAIT));
        let was = self.tripped.map(|tripped| tripped.why);
        let why = straggling.map_or(why, |tripped| tripped.why.max(why));
        let until = straggling.map_or(now, |tripped| tripped.until).max(now + wait);
        self.failing.clear();
        self.ramp_up = None;
        self.tripped = Some(Tripped {
            until,
            why,
            times,
            is_on_trial: false,
        });
        (was != Some(why)).then_some(why)
    }

    /// The pause before the next call during the ramp-up.
    pub(super) fn wait(&mut self, now: Timestamp) -> Duration {
        let Some(ramp_up) = &mut self.ramp_up else {
            return Duration::ZERO;
        };
        let wait = ramp_up.wait(now);
        if wait.is_none() {
            self.ramp_up = None;
        }
        wait.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HALT: CallFailure = CallFailure::Credentials {
        halt: Duration::from_secs(30),
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn lane(n: u128) -> ConversationId {
        ConversationId::new(Uuid::from_u128(n))
    }

    fn busy(seconds: u64) -> CallFailure {
        CallFailure::Busy {
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    /// A breaker that an outage opened at 0, for half a second.
    fn tripped() -> Breaker {
        let mut breaker = Breaker::new(10);
        for n in 1..=3 {
            breaker.failed(at(0), lane(n), CallFailure::Down, 1.0);
        }
        breaker
    }

    #[test]
    fn failures_of_three_lanes_in_a_row_are_an_outage() {
        let mut breaker = Breaker::new(10);
        assert_eq!(breaker.failed(at(0), lane(1), CallFailure::Down, 1.0), None);
        assert_eq!(breaker.failed(at(0), lane(2), CallFailure::Down, 1.0), None);
        assert_eq!(breaker.state(at(0)), State::Closed);
        assert_eq!(
            breaker.failed(at(0), lane(3), CallFailure::Down, 1.0),
            Some(Why::Outage)
        );
        assert_eq!(breaker.state(at(499)), State::Open);
        assert_eq!(breaker.state(at(500)), State::HalfOpen);
    }

    #[test]
    fn repeated_failures_of_one_lane_do_not_open_the_breaker() {
        let mut breaker = Breaker::new(10);
        for n in 0..100 {
            assert_eq!(
                breaker.failed(at(n), lane(u128::from(n % 2 == 0)), CallFailure::Down, 1.0),
                None
            );
        }
        breaker.answered(at(100));
        for n in 2..=3 {
            assert_eq!(breaker.failed(at(100), lane(n), CallFailure::Down, 1.0), None);
        }
        assert_eq!(breaker.state(at(100)), State::Closed);
    }

    #[test]
    fn trials_become_rarer_while_the_transport_stays_down() {
        let mut breaker = tripped();
        let mut now = 500;
        for wait in [1_000, 2_000, 4_000, 5_000, 5_000] {
            assert_eq!(breaker.state(at(now)), State::HalfOpen);
            breaker.begin_trial(at(now + 10_000));
            assert_eq!(breaker.state(at(now)), State::Open);
            assert_eq!(breaker.failed(at(now), lane(1), CallFailure::Down, 1.0), None);
            assert_eq!(breaker.state(at(now + wait - 1)), State::Open);
            now += wait;
        }
        breaker.begin_trial(at(now + 10_000));
        assert_eq!(
            breaker.state(at(now + 10_000)),
            State::HalfOpen,
            "the lane of the probe was lost"
        );
        assert_eq!(breaker.answered(at(now)), Some(Why::Outage));
        assert_eq!(breaker.state(at(now)), State::Closed);
        assert_eq!(breaker.answered(at(now)), None);
    }

    #[test]
    fn only_an_unused_trial_can_be_abandoned() {
        let mut breaker = tripped();
        let unused = breaker.begin_trial(at(10_500));
        breaker.abandon(&unused, at(600));
        assert_eq!(breaker.state(at(600)), State::HalfOpen);
        let later = breaker.begin_trial(at(10_600));
        breaker.abandon(&unused, at(700));
        assert_eq!(breaker.state(at(700)), State::Open, "another lane is the probe");
        breaker.failed(at(700), lane(1), CallFailure::Down, 1.0);
        breaker.abandon(&later, at(700));
        assert_eq!(breaker.state(at(1_699)), State::Open, "the probe has failed");
        let answered = breaker.begin_trial(at(11_700));
        breaker.answered(at(1_800));
        breaker.abandon(&answered, at(1_800));
        assert_eq!(breaker.state(at(1_800)), State::Closed);
    }

    #[test]
    fn calls_begun_before_it_opened_do_not_lengthen_the_wait() {
        let mut breaker = tripped();
        for n in 4..=8 {
            assert_eq!(breaker.failed(at(100), lane(n), CallFailure::Down, 1.0), None);
        }
        assert_eq!(breaker.state(at(599)), State::Open);
        assert_eq!(breaker.state(at(600)), State::HalfOpen);
    }

    #[test]
    fn a_requested_pause_is_observed_for_half_a_minute_at_most() {
        for (asked, given) in [(7, 7), (30, 30), (3_600, 30), (0, 0)] {
            let mut breaker = Breaker::new(10);
            assert_eq!(breaker.failed(at(0), lane(1), busy(asked), 0.0), Some(Why::Busy));
            let over = 1_000 * given;
            assert_eq!(breaker.state(at(over)), State::HalfOpen, "{asked}");
            assert!(
                given == 0 || breaker.state(at(over - 1)) == State::Open,
                "{asked}"
            );
        }
        let mut breaker = Breaker::new(10);
        breaker.failed(at(0), lane(1), CallFailure::Busy { retry_after: None }, 1.0);
        assert_eq!(breaker.state(at(499)), State::Open);
    }

    #[test]
    fn refused_credentials_take_precedence_over_calls_that_had_begun() {
        let mut breaker = tripped();
        assert_eq!(breaker.failed(at(0), lane(9), HALT, 1.0), Some(Why::Credentials));
        assert_eq!(breaker.failed(at(0), lane(10), CallFailure::Down, 1.0), None);
        assert_eq!(breaker.failed(at(0), lane(10), busy(1), 1.0), None);
        assert_eq!(breaker.why(), Some(Why::Credentials));
        assert_eq!(breaker.state(at(29_999)), State::Open);
        assert_eq!(breaker.state(at(30_000)), State::HalfOpen);
        breaker.begin_trial(at(40_000));
        assert_eq!(
            breaker.failed(at(30_000), lane(1), CallFailure::Down, 1.0),
            Some(Why::Outage)
        );
    }

    #[test]
    fn a_failure_ends_the_ramp_up_and_the_next_outage_restarts_it() {
        let mut breaker = tripped();
        breaker.answered(at(0));
        for n in 1..=3 {
            breaker.failed(at(40_000), lane(n), CallFailure::Down, 1.0);
        }
        breaker.answered(at(41_000));
        let waits: Vec<_> = (0..12).map(|_| breaker.wait(at(41_000))).collect();
        assert_eq!(waits[9], Duration::ZERO);
        assert_eq!(waits[11], SECOND / 5);
    }
}
