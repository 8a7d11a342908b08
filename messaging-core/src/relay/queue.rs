//! What waits to be published by this process.

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

/// A lane of this process, with what is already at hand to publish it.
pub(crate) struct Work {
    pub(crate) lane: Lane,
    /// The entry at the lane's head; loaded from the store when it is not here.
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

/// Lanes in the order in which they are taken. It may overflow: what is dropped is claimed when its lease is
/// over.
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

    /// Takes what a step of this process created, if there is room.
    pub(super) fn hand_over(&self, work: Work) {
        let mut waiting = self.waiting();
        if waiting.len() < self.capacity {
            waiting.push_back(work);
        }
        drop(waiting);
        self.signal.raise();
    }

    /// Takes lanes that were claimed or have got more entries; how many those can be is bounded by their
    /// claimer.
    pub(super) fn put(&self, lanes: Vec<Lane>) {
        if !lanes.is_empty() {
            self.waiting().extend(lanes.into_iter().map(Work::of));
            self.signal.raise();
        }
    }

    /// The next lanes, at most that many. Lanes whose lease has expired are dropped: another worker may own them.
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
