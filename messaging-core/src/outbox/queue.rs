//! The queue of lanes that this process publishes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    host::directory::Profiles,
    signal::Signal,
    store::{Lane, LoadedEntry},
    time::Timestamp,
};

/// A lane of this process, with the entries that are in memory.
pub(crate) struct Work {
    pub(crate) lane: Lane,
    /// The entry at the lane's head; `None` if it must be loaded from the store.
    pub(crate) loaded: Option<LoadedEntry>,
    pub(crate) profiles: Profiles,
}

impl Work {
    pub(super) fn of(lane: Lane) -> Self {
        Self {
            lane,
            loaded: None,
            profiles: Profiles::default(),
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

    /// Adds a lane that a step of this process created, if there is room.
    pub(super) fn hand_over(&self, work: Work) {
        let mut waiting = self.waiting();
        if waiting.len() < self.capacity {
            waiting.push_back(work);
        }
        drop(waiting);
        self.signal.raise();
    }

    /// Adds lanes that were claimed or have got more entries; the claimer bounds their number.
    pub(super) fn put(&self, lanes: Vec<Lane>) {
        if !lanes.is_empty() {
            self.waiting().extend(lanes.into_iter().map(Work::of));
            self.signal.raise();
        }
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
