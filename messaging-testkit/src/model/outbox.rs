use std::collections::BTreeMap;

use messaging_core::{
    id::{ConversationId, UserId, WorkerId},
    store::{CommittedEntry, Entry, EntryKind, Lane, LaneDeferral, LaneFailure, Progress, Publisher},
    time::Timestamp,
};

use super::step::Lease;

/// A conversation's full list of events, and its lane.
#[derive(Debug)]
pub(super) struct NaiveOutbox {
    id: ConversationId,
    events: Vec<Entry>,
    /// Events up to this number are published or moved to the dead letters.
    done: u64,
    pub(super) lane: Option<NaiveLane>,
    /// The lease of the latest lane when it was created.
    first_lease: Timestamp,
    /// The users whose access an event ended, by the event's number.
    pub(super) lost_access: BTreeMap<u64, UserId>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct NaiveLane {
    pub(super) owner: Option<WorkerId>,
    pub(super) until: Timestamp,
    tries: u32,
    refusals: u32,
}

impl NaiveOutbox {
    pub(super) fn new(id: ConversationId) -> Self {
        Self {
            id,
            events: Vec::new(),
            done: 0,
            lane: None,
            first_lease: Timestamp::EPOCH,
            lost_access: BTreeMap::new(),
        }
    }

    /// Records an event.
    pub(super) fn commit(
        &mut self,
        kind: EntryKind,
        at: Timestamp,
        by: Publisher,
        now: Timestamp,
    ) -> CommittedEntry {
        let number = self.events.len() as u64 + 1;
        self.events.push(Entry::new(self.id, number, kind, at));
        if self.lane.is_some() {
            return CommittedEntry::new(number);
        }
        let (owner, until) = match by {
            Publisher::Worker { id, lease_until } => (Some(id), lease_until),
            Publisher::Anyone => (None, now),
        };
        self.first_lease = until;
        self.lane = Some(NaiveLane {
            owner,
            until,
            tries: 0,
            refusals: 0,
        });
        CommittedEntry::new(number).with_lane(owner.and_then(|_| self.as_lane()))
    }

    /// Records that the next entry ends a user's access.
    pub(super) fn next_ends_access(&mut self, of: Option<UserId>) {
        let number = self.events.len() as u64 + 1;
        self.lost_access.extend(of.map(|user_id| (number, user_id)));
    }

    /// Returns the lane as its owner holds it.
    pub(super) fn as_lane(&self) -> Option<Lane> {
        self.lane.map(|lane| {
            Lane::new(self.id, self.done + 1, lane.until)
                .with_tries(lane.tries)
                .with_refusals(lane.refusals)
        })
    }

    /// Whether a worker owns the lane under the given lease.
    pub(super) fn is_owned_by(&self, worker: WorkerId, lease_until: Timestamp) -> bool {
        let owner = Some(worker);
        self.lane
            .is_some_and(|lane| lane.owner == owner && lane.until == lease_until)
    }

    /// Returns the lane's current lease, or its first one, which may be void.
    pub(super) fn lease(&self, which: Lease) -> Timestamp {
        let current = self.lane.map_or(self.first_lease, |lane| lane.until);
        match which {
            Lease::Current => current,
            Lease::First => self.first_lease,
        }
    }

    /// Returns when the lane may be claimed.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.lane.map(|lane| lane.until)
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.lane.is_some_and(|lane| lane.until <= now)
    }

    pub(super) fn claim(&mut self, by: WorkerId, until: Timestamp) {
        if let Some(lane) = &mut self.lane {
            (lane.owner, lane.until) = (Some(by), until);
        }
    }

    /// Applies the owner's progress to the lane.
    pub(super) fn acknowledge(&mut self, up_to: u64, until: Timestamp) -> Option<Lane> {
        self.done = up_to;
        self.lane = self.lane.take().filter(|_| !self.waiting().is_empty());
        if let Some(lane) = &mut self.lane {
            (lane.until, lane.tries, lane.refusals) = (until, 0, 0);
        }
        self.as_lane()
    }

    pub(super) fn delay(&mut self, delay: &LaneDeferral) {
        let Some(lane) = &mut self.lane else { return };
        (lane.owner, lane.until) = (None, delay.until);
        match delay.failure {
            LaneFailure::None => {}
            LaneFailure::Transport => lane.tries += 1,
            LaneFailure::Refused => lane.refusals += 1,
        }
    }

    /// Returns the unpublished events.
    pub(super) fn waiting(&self) -> &[Entry] {
        let done = usize::try_from(self.done).unwrap_or(usize::MAX);
        self.events.get(done..).unwrap_or(&[])
    }

    pub(super) fn head(&self) -> u64 {
        self.done + 1
    }

    /// Returns the progress of `count` more events under a lease.
    pub(super) fn progress(&self, count: usize, lease_until: Timestamp) -> Progress {
        let count = count.min(self.waiting().len()) as u64;
        Progress::new(self.id, lease_until, self.done + count)
    }
}
