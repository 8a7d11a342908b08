//! The queue of lanes that this process publishes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::deliver::Run;
use crate::{
    host::directory::Profiles,
    signal::Signal,
    store::{Lane, LoadedEntry},
    time::Timestamp,
};

/// A lane of this process, with the entries that are in memory.
pub(super) struct Work {
    pub(super) lane: Lane,
    /// The entries from the lane's head on, or those that follow `delivered`; empty if they must be loaded from the store.
    pub(super) entries: Vec<LoadedEntry>,
    pub(super) profiles: Profiles,
    /// The earlier entries, which are delivered and not yet acknowledged.
    pub(super) delivered: Option<Run>,
}

impl Work {
    pub(super) fn new(lane: Lane, entries: Vec<LoadedEntry>, profiles: Profiles) -> Self {
        Self {
            lane,
            entries,
            profiles,
            delivered: None,
        }
    }

    /// The same work after entries that are delivered.
    pub(super) fn after(self, delivered: Run) -> Self {
        Self {
            delivered: Some(delivered),
            ..self
        }
    }
}

/// Lanes in the order in which they are published. A lane that does not fit is dropped, and claimed when its lease
/// expires.
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Work>>,
    capacity: usize,
    signal: Signal,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity,
            signal: Signal::default(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting().len() >= self.capacity
    }

    /// Adds a lane that a step of this process created, if there is room. Returns whether there was.
    pub(super) fn hand_over(&self, work: Work) -> bool {
        let mut waiting = self.waiting();
        let has_room = waiting.len() < self.capacity;
        if has_room {
            waiting.push_back(work);
        }
        drop(waiting);
        self.signal.raise();
        has_room
    }

    /// Adds lanes that were claimed or have got more entries; the claimer bounds their number.
    pub(super) fn put(&self, works: impl IntoIterator<Item = Work>) {
        self.waiting().extend(works);
        self.signal.raise();
    }

    /// Takes the next lanes, at most `at_most`. Lanes with an expired lease are dropped: another worker may own them.
    pub(super) fn take(&self, at_most: usize, now: Timestamp) -> Vec<Work> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.pop_front())
            .filter(|work| work.lane.lease_until > now)
            .take(at_most)
            .collect()
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Work>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
