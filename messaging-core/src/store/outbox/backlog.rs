//! How much is unpublished.

use std::time::Duration;

use crate::{time::Timestamp, with::with};

/// The amount of unpublished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// The number of lanes, which are conversations with unpublished events. A store may stop counting at
    /// [`MAX_COUNT`](Self::MAX_COUNT).
    pub lanes: u64,
    /// The time of the oldest unpublished event in the counted lanes; `None` without a lane.
    pub oldest: Option<Timestamp>,
    /// The earliest time at which a counted lane can be claimed; `None` without a lane. A past time means that a lane waits
    /// for a worker, a future time that all lanes are leased or deferred.
    pub next_due: Option<Timestamp>,
    /// The number of dead letters. A store may stop counting at [`MAX_COUNT`](Self::MAX_COUNT).
    pub dead_letters: u64,
}

impl Backlog {
    with! {
        with_lanes lanes: u64,
        with_oldest oldest: Option<Timestamp>,
        with_next_due next_due: Option<Timestamp>,
        with_dead_letters dead_letters: u64,
    }
}

impl Backlog {
    /// A store must count to this number, and may stop there, so that the cost of a probe is bounded.
    pub const MAX_COUNT: u64 = 10_000;

    /// The age of the oldest unpublished event; `None` without one.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| now.since(oldest))
    }

    /// How long the first due lane has been waiting for a worker; `None` where no lane is due.
    pub fn unclaimed_for(&self, now: Timestamp) -> Option<Duration> {
        let due = self.next_due.filter(|due| *due <= now);
        due.map(|due| now.since(due))
    }
}
