//! The lanes that this process holds, from the queue to their acknowledgement.
//!
//! ```text
//! queue ─> round ─> delivered: waits for the next acknowledgement ─> acknowledged: the lane ends
//!   ^                  │                                                │
//!   └── has joined <───┴───────────────── has more <────────────────────┘
//! ```
//!
//! An event that is committed while its lane is held *joins* the lane. If a step of this process committed it, it stays in
//! memory: as soon as all earlier events are delivered it goes to a round, without a call of the store. If it is missing in
//! memory, because another process committed it or there was no room, the acknowledgement finds it and the next round loads
//! it.
//!
//! A delivered lane is not acknowledged at once but with others, [some milliseconds later](super::run). A lane that goes
//! to another round takes its progress along, so that one acknowledgement covers both rounds and never runs beside a round
//! of the same lane.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{deliver::Run, queue::Work};
use crate::{
    host::directory::Profiles,
    id::ConversationId,
    store::{Lane, LoadedEntry},
    time::Timestamp,
};

/// How many entries a round takes from memory for one lane.
const PER_ROUND: usize = 32;

/// How many entries one acknowledgement covers for one lane: a lane with more is acknowledged before it continues.
const MAX_DELIVERED: usize = 256;

/// A lane under one lease.
pub(super) type LaneKey = (ConversationId, Timestamp);

pub(super) struct HeldLanes {
    state: Mutex<State>,
    /// How many joined entries are kept in memory.
    capacity: usize,
}

#[derive(Default)]
struct State {
    lanes: HashMap<ConversationId, HeldLane>,
    /// The delivered lanes that wait for their acknowledgement, in the order of their delivery.
    delivered: Vec<Run>,
    /// The number of joined entries of all lanes.
    joined: usize,
    /// Whether a delivered lane must not wait for others.
    is_urgent: bool,
}

struct HeldLane {
    lease_until: Timestamp,
    /// The entries that joined, by number.
    joined: BTreeMap<u64, (LoadedEntry, Profiles)>,
}

impl HeldLanes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity,
        }
    }

    /// Notes that this process holds a lane. If it held the lane under an earlier lease, that has ended.
    pub(super) fn hold(&self, lane: &Lane) {
        let mut state = self.lock();
        let before = state.lanes.get(&lane.conversation_id);
        if before.is_none_or(|before| before.lease_until < lane.lease_until) {
            state.replace(lane.conversation_id, HeldLane::new(lane.lease_until));
        }
    }

    /// Keeps an entry that joined its lane, if this process holds the lane and there is room. Returns the work of the lane
    /// if all earlier entries are delivered.
    pub(super) fn join(&self, entry: LoadedEntry, profiles: Profiles) -> Option<Work> {
        let mut state = self.lock();
        let (id, number) = (entry.entry.conversation_id, entry.entry.number);
        if state.joined >= self.capacity {
            return None;
        }
        let lane = state.lanes.get_mut(&id)?;
        let key = (id, lane.lease_until);
        if lane.joined.insert(number, (entry, profiles)).is_none() {
            state.joined += 1;
        }
        let at = state.delivered.iter().position(|run| run.key() == key)?;
        let run = state.delivered.remove(at);
        state.continue_or_wait(run)
    }

    /// Takes a run whose delivery has ended. Returns the work of its lane if entries have joined it, otherwise the run waits
    /// for its acknowledgement.
    pub(super) fn deliver(&self, run: Run) -> Option<Work> {
        self.lock().continue_or_wait(run)
    }

    /// Returns the work of a lane that was acknowledged and has more entries.
    pub(super) fn resume(&self, lane: Lane) -> Work {
        let mut state = self.lock();
        let id = lane.conversation_id;
        let held = state.lanes.remove(&id);
        let mut held = held.unwrap_or_else(|| HeldLane::new(lane.lease_until));
        held.lease_until = lane.lease_until;
        let before = held.joined.len();
        let (entries, profiles) = held.take_from(lane.head);
        state.joined -= before - held.joined.len();
        state.lanes.insert(id, held);
        Work::new(lane, entries, profiles)
    }

    /// Notes that this process no longer holds a lane under a lease.
    pub(super) fn release(&self, (id, lease_until): LaneKey) {
        let mut state = self.lock();
        if state
            .lanes
            .get(&id)
            .is_some_and(|lane| lane.lease_until == lease_until)
        {
            state.remove(id);
        }
    }

    /// Takes delivered lanes for an acknowledgement, at most `at_most`.
    pub(super) fn take_delivered(&self, at_most: usize, now: Timestamp) -> Vec<Run> {
        let mut state = self.lock();
        let count = at_most.min(state.delivered.len());
        let runs = state.delivered.drain(..count).collect();
        if state.delivered.is_empty() {
            state.is_urgent = false;
            state.forget_expired(now);
        }
        runs
    }

    /// The number of delivered lanes.
    pub(super) fn delivered(&self) -> usize {
        self.lock().delivered.len()
    }

    /// Whether a delivered lane must not wait for others: its run [is urgent](Run::is_urgent), or long.
    pub(super) fn is_urgent(&self) -> bool {
        self.lock().is_urgent
    }

    /// Forgets all lanes. Returns them.
    pub(super) fn release_all(&self) -> Vec<LaneKey> {
        let state = std::mem::take(&mut *self.lock());
        let lanes = state.lanes.into_iter();
        lanes.map(|(id, lane)| (id, lane.lease_until)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn continue_or_wait(&mut self, run: Run) -> Option<Work> {
        let key = run.key();
        let is_urgent = run.is_urgent() || run.len() >= MAX_DELIVERED;
        let held = self
            .lanes
            .get_mut(&key.0)
            .filter(|lane| lane.lease_until == key.1);
        if let (false, Some(lane)) = (is_urgent, held) {
            let before = lane.joined.len();
            let (entries, profiles) = lane.take_from(run.next_number());
            self.joined -= before - lane.joined.len();
            if !entries.is_empty() {
                return Some(Work::new(run.lane().clone(), entries, profiles).after(run));
            }
        }
        self.is_urgent |= is_urgent;
        self.delivered.push(run);
        None
    }

    fn replace(&mut self, id: ConversationId, lane: HeldLane) {
        self.remove(id);
        self.lanes.insert(id, lane);
    }

    fn remove(&mut self, id: ConversationId) {
        if let Some(lane) = self.lanes.remove(&id) {
            self.joined -= lane.joined.len();
        }
    }

    /// Forgets lanes whose lease has expired: another worker may hold them.
    fn forget_expired(&mut self, now: Timestamp) {
        let expired = self.lanes.extract_if(|_, lane| lane.lease_until <= now);
        let joined: usize = expired.map(|(_, lane)| lane.joined.len()).sum();
        self.joined -= joined;
    }
}

impl HeldLane {
    fn new(lease_until: Timestamp) -> Self {
        Self {
            lease_until,
            joined: BTreeMap::new(),
        }
    }

    /// Takes the entries from `next` on that follow each other, and forgets earlier ones, which were loaded from the store.
    fn take_from(&mut self, mut next: u64) -> (Vec<LoadedEntry>, Profiles) {
        self.joined = self.joined.split_off(&next);
        let (mut entries, mut profiles) = (Vec::new(), Profiles::default());
        while entries.len() < PER_ROUND
            && let Some((entry, own)) = self.joined.remove(&next)
        {
            entries.push(entry);
            profiles.merge(own);
            next += 1;
        }
        (entries, profiles)
    }
}
