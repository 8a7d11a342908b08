//! How much is unpublished.

use std::time::Duration;

use crate::{time::Timestamp, with::with};

/// The amount of unpublished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// The number of conversations with unpublished events; a store that stops counting at
    /// [`MAX_COUNT`](Self::MAX_COUNT) returns at least that.
    pub lanes: u64,
    /// The time of the oldest unpublished event among those counted.
    pub oldest: Option<Timestamp>,
    /// When the first lane is due, of those counted; `None` without a lane. It lies in the past while no worker claims that
    /// lane, and in the future while all lanes are leased or deferred.
    pub next_due: Option<Timestamp>,
    /// The number of dead letters; a store that stops counting at [`MAX_COUNT`](Self::MAX_COUNT) returns at least that.
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
    /// The number up to which a store must count. It may stop there, so that the cost of a probe is bounded.
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
