//! When this process may call the transport.
//!
//! Back-off belongs to the lane, but three things concern all lanes: the transport does not accept our
//! credentials, it asks for patience, or it is gone. Then the gate is closed, and steps of this process leave
//! their lanes to whoever comes first: nothing piles up in memory, and the store is not asked again and again
//! for what cannot be published. When the time is over, one lane at a time is published, to see.
//!
//! A single lane whose event the transport chokes on must not look like an outage: that takes failures of
//! several lanes in a row.
//!
//! When it opens, all lanes are due at once: for a while calls are [paced](super::pace).

use std::time::Duration;

use super::{pace::Pace, retry};
use crate::{id::ConversationId, time::Timestamp};

/// Failures of so many lanes in a row are an outage.
const OUTAGE_LANES: usize = 3;

/// The longest wait before it is seen whether an outage is over.
const MAX_OUTAGE_WAIT: Duration = Duration::from_secs(5);

/// Whether calls may be made, and at which pace.
#[derive(Debug)]
pub(super) struct Gate {
    closed: Option<Closed>,
    /// The lanes, each once, that failed since a call was last answered.
    failing: Vec<ConversationId>,
    drain_rate: u32,
    pace: Option<Pace>,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    until: Timestamp,
    why: Why,
    /// How often in a row it was closed.
    times: u32,
    /// Whether the one lane is on its way.
    probing: bool,
}

/// Why nothing is published, the graver the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The transport is gone.
    Outage,
    /// It asks for patience.
    Busy,
    /// It does not accept our credentials.
    Credentials,
}

/// What may be published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// Everything.
    Open,
    /// One lane, to see.
    One,
    /// Nothing.
    Closed,
}

/// The passage of the one lane that tries the transport.
#[derive(Debug)]
pub(super) struct OnePassage {
    /// When it is over; two that overlap differ by it.
    until: Timestamp,
}

/// How a call to the transport ended that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No usable answer.
    Down,
    /// Patience is asked for.
    Busy { retry_after: Option<Duration> },
    /// Our credentials are not accepted; nothing is published for so long.
    Credentials { halt: Duration },
}

impl Trouble {
    /// Why the gate is closed then, and for how long; `backed_off` where nothing better is known.
    fn closes(self, backed_off: Duration) -> (Why, Duration) {
        match self {
            Self::Down => (Why::Outage, backed_off),
            Self::Busy { retry_after } => {
                let asked = retry_after.unwrap_or_default().min(retry::MAX_DELAY);
                (Why::Busy, asked.max(backed_off))
            }
            Self::Credentials { halt } => (Why::Credentials, halt),
        }
    }
}

impl Gate {
    /// An open gate, with the rate, in calls a second, at which it opens after an outage.
    pub(super) fn new(drain_rate: u32) -> Self {
        Self {
            closed: None,
            failing: Vec::new(),
            drain_rate,
            pace: None,
        }
    }

    pub(super) fn passage(&self, now: Timestamp) -> Passage {
        match self.closed {
            None => Passage::Open,
            Some(closed) if closed.until <= now => Passage::One,
            Some(_) => Passage::Closed,
        }
    }

    /// Why the gate is closed, while it is.
    pub(super) fn why(&self) -> Option<Why> {
        self.closed.map(|closed| closed.why)
    }

    /// Whether calls that were not yet made are not to be made.
    pub(super) fn is_shut(&self, now: Timestamp) -> bool {
        self.closed
            .is_some_and(|closed| !closed.probing && closed.until > now)
    }

    /// Lets one lane pass; without an answer by `until`, another may pass.
    pub(super) fn pass_one(&mut self, until: Timestamp) -> OnePassage {
        if let Some(closed) = &mut self.closed {
            closed.until = until;
            closed.probing = true;
        }
        OnePassage { until }
    }

    /// Lets another lane pass at once where the one that passed has made no call: nothing was learned of the transport.
    pub(super) fn give_back(&mut self, passage: &OnePassage, now: Timestamp) {
        let unused = |closed: &&mut Closed| closed.probing && closed.until == passage.until;
        if let Some(closed) = self.closed.as_mut().filter(unused) {
            closed.until = closed.until.min(now);
            closed.probing = false;
        }
    }

    /// The transport answered: whatever it said of the events, it is there and knows us. Returns why the gate
    /// was closed, if it was.
    pub(super) fn answered(&mut self, now: Timestamp) -> Option<Why> {
        self.failing.clear();
        let closed = self.closed.take()?;
        self.pace = Some(Pace::new(now, self.drain_rate));
        Some(closed.why)
    }

    /// A call that carried this lane failed. `chance` spreads the tries of many processes. Returns why the gate
    /// is closed, if that is news.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        lane: ConversationId,
        trouble: Trouble,
        chance: f64,
    ) -> Option<Why> {
        if trouble == Trouble::Down && !self.failing.contains(&lane) {
            self.failing.push(lane);
        }
        let outage = self.closed.is_some() || self.failing.len() >= OUTAGE_LANES;
        if trouble == Trouble::Down && !outage {
            return None;
        }
        // Calls that were under way when the gate was closed are no further try.
        let straggling = self.closed.filter(|closed| !closed.probing);
        let times = match straggling {
            Some(closed) => closed.times,
            None => self.closed.map_or(1, |closed| closed.times.saturating_add(1)),
        };
        let (why, wait) = trouble.closes(retry::delay(times, chance).min(MAX_OUTAGE_WAIT));
        let was = self.closed.map(|closed| closed.why);
        let why = straggling.map_or(why, |closed| closed.why.max(why));
        let until = straggling.map_or(now, |closed| closed.until).max(now + wait);
        self.failing.clear();
        self.pace = None;
        self.closed = Some(Closed {
            until,
            why,
            times,
            probing: false,
        });
        (was != Some(why)).then_some(why)
    }

    /// How long the next call has to wait for its turn.
    pub(super) fn turn(&mut self, now: Timestamp) -> Duration {
        let Some(pace) = &mut self.pace else {
            return Duration::ZERO;
        };
        let wait = pace.turn(now);
        if wait.is_none() {
            self.pace = None;
        }
        wait.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HALT: Trouble = Trouble::Credentials {
        halt: Duration::from_secs(30),
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn lane(n: u128) -> ConversationId {
        ConversationId::new(Uuid::from_u128(n))
    }

    fn busy(seconds: u64) -> Trouble {
        Trouble::Busy {
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    /// A gate that an outage has closed at 0, for half a second.
    fn closed() -> Gate {
        let mut gate = Gate::new(10);
        for n in 1..=3 {
            gate.failed(at(0), lane(n), Trouble::Down, 1.0);
        }
        gate
    }

    #[test]
    fn failures_of_three_lanes_in_a_row_are_an_outage() {
        let mut gate = Gate::new(10);
        assert_eq!(gate.failed(at(0), lane(1), Trouble::Down, 1.0), None);
        assert_eq!(gate.failed(at(0), lane(2), Trouble::Down, 1.0), None);
        assert_eq!(gate.passage(at(0)), Passage::Open);
        assert_eq!(gate.failed(at(0), lane(3), Trouble::Down, 1.0), Some(Why::Outage));
        assert_eq!(gate.passage(at(499)), Passage::Closed);
        assert_eq!(gate.passage(at(500)), Passage::One);
    }

    #[test]
    fn a_lane_that_fails_again_and_again_is_none() {
        let mut gate = Gate::new(10);
        for n in 0..100 {
            assert_eq!(
                gate.failed(at(n), lane(u128::from(n % 2 == 0)), Trouble::Down, 1.0),
                None
            );
        }
        gate.answered(at(100));
        for n in 2..=3 {
            assert_eq!(gate.failed(at(100), lane(n), Trouble::Down, 1.0), None);
        }
        assert_eq!(gate.passage(at(100)), Passage::Open);
    }

    #[test]
    fn one_lane_goes_to_see_and_less_and_less_often() {
        let mut gate = closed();
        let mut now = 500;
        for wait in [1_000, 2_000, 4_000, 5_000, 5_000] {
            assert_eq!(gate.passage(at(now)), Passage::One);
            gate.pass_one(at(now + 10_000));
            assert_eq!(gate.passage(at(now)), Passage::Closed);
            assert_eq!(gate.failed(at(now), lane(1), Trouble::Down, 1.0), None);
            assert_eq!(gate.passage(at(now + wait - 1)), Passage::Closed);
            now += wait;
        }
        gate.pass_one(at(now + 10_000));
        assert_eq!(gate.passage(at(now + 10_000)), Passage::One, "it never came back");
        assert_eq!(gate.answered(at(now)), Some(Why::Outage));
        assert_eq!(gate.passage(at(now)), Passage::Open);
        assert_eq!(gate.answered(at(now)), None);
    }

    #[test]
    fn a_passage_without_a_call_is_given_back_and_no_other_is() {
        let mut gate = closed();
        let unused = gate.pass_one(at(10_500));
        gate.give_back(&unused, at(600));
        assert_eq!(gate.passage(at(600)), Passage::One);
        let later = gate.pass_one(at(10_600));
        gate.give_back(&unused, at(700));
        assert_eq!(gate.passage(at(700)), Passage::Closed, "another lane has it");
        gate.failed(at(700), lane(1), Trouble::Down, 1.0);
        gate.give_back(&later, at(700));
        assert_eq!(gate.passage(at(1_699)), Passage::Closed, "its call has failed");
        let answered = gate.pass_one(at(11_700));
        gate.answered(at(1_800));
        gate.give_back(&answered, at(1_800));
        assert_eq!(gate.passage(at(1_800)), Passage::Open);
    }

    #[test]
    fn calls_that_were_under_way_are_no_further_try() {
        let mut gate = closed();
        for n in 4..=8 {
            assert_eq!(gate.failed(at(100), lane(n), Trouble::Down, 1.0), None);
        }
        assert_eq!(gate.passage(at(599)), Passage::Closed);
        assert_eq!(gate.passage(at(600)), Passage::One);
    }

    #[test]
    fn patience_is_as_long_as_was_asked_for_and_half_a_minute_at_most() {
        for (asked, given) in [(7, 7), (30, 30), (3_600, 30), (0, 0)] {
            let mut gate = Gate::new(10);
            assert_eq!(gate.failed(at(0), lane(1), busy(asked), 0.0), Some(Why::Busy));
            let over = 1_000 * given;
            assert_eq!(gate.passage(at(over)), Passage::One, "{asked}");
            assert!(
                given == 0 || gate.passage(at(over - 1)) == Passage::Closed,
                "{asked}"
            );
        }
        let mut gate = Gate::new(10);
        gate.failed(at(0), lane(1), Trouble::Busy { retry_after: None }, 1.0);
        assert_eq!(gate.passage(at(499)), Passage::Closed);
    }

    #[test]
    fn refused_credentials_outweigh_what_was_under_way() {
        let mut gate = closed();
        assert_eq!(gate.failed(at(0), lane(9), HALT, 1.0), Some(Why::Credentials));
        assert_eq!(gate.failed(at(0), lane(10), Trouble::Down, 1.0), None);
        assert_eq!(gate.failed(at(0), lane(10), busy(1), 1.0), None);
        assert_eq!(gate.why(), Some(Why::Credentials));
        assert_eq!(gate.passage(at(29_999)), Passage::Closed);
        assert_eq!(gate.passage(at(30_000)), Passage::One);
        gate.pass_one(at(40_000));
        assert_eq!(
            gate.failed(at(30_000), lane(1), Trouble::Down, 1.0),
            Some(Why::Outage)
        );
    }

    #[test]
    fn a_failure_ends_the_pace_and_the_next_outage_begins_it_again() {
        let mut gate = closed();
        gate.answered(at(0));
        for n in 1..=3 {
            gate.failed(at(40_000), lane(n), Trouble::Down, 1.0);
        }
        gate.answered(at(41_000));
        let waits: Vec<_> = (0..12).map(|_| gate.turn(at(41_000))).collect();
        assert_eq!(waits[9], Duration::ZERO);
        assert_eq!(waits[11], SECOND / 5);
    }
}
