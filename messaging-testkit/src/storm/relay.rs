use messaging_core::{
    id::WorkerId,
    store::{Claim, Entry, Lane, Progress},
    time::Timestamp,
};

use super::state::StormState;
use crate::limit::Rounds;
use crate::make::{secs, worker_id};
use crate::retry::retry;

/// A relay that publishes events of other threads.
pub(super) struct Relay<'a> {
    pub(super) state: &'a StormState,
    by: WorkerId,
}

impl<'a> Relay<'a> {
    pub(super) fn new(n: u64, state: &'a StormState) -> Self {
        let by = worker_id(n);
        Self { state, by }
    }

    /// Claims some lanes and publishes all their events.
    pub(super) async fn round(&self, now: Timestamp) {
        let store = &self.state.store;
        let claim = Claim::new(self.by, now, now + secs(20), 3);
        let lanes = retry(|| store.claim_lanes(&claim)).await;
        publish(self.state, self.by, lanes, now + secs(20)).await;
    }
}

/// More rounds than a storm needs: in each round an entry is published, or another thread has written or
/// claimed, and each step writes at most two entries.
const ROUNDS: usize = 10_000;

/// Publishes the lanes of a worker, a few events at a time, until they end or another worker owns them.
pub(super) async fn publish(state: &StormState, by: WorkerId, mut lanes: Vec<Lane>, lease_until: Timestamp) {
    let mut rounds = Rounds::at_most(ROUNDS, "a worker's lanes have not been published");
    while !lanes.is_empty() && !state.has_failed() {
        rounds.begin();
        let loaded = retry(|| state.store.load_entries(&lanes, 3)).await;
        // A lane without entries is acknowledged too: a worker may have lost it after moving the last ones to
        // the dead letters.
        let as_it_is = |lane: &Lane| Progress::new(lane.conversation_id, lane.lease_until, lane.head - 1);
        let mut done: Vec<Progress> = lanes.iter().map(as_it_is).collect();
        for entry in loaded.into_iter().map(|loaded| loaded.entry) {
            let mut owned = lanes.iter();
            let lane = owned.find(|lane| lane.conversation_id == entry.conversation_id);
            let lane = lane.expect("an entry is loaded only for a requested lane");
            let mut done = done.iter_mut();
            let progress = done.find(|one| one.conversation_id == lane.conversation_id);
            progress.expect("each lane has progress").up_to = entry.number;
            if is_refused(&entry) {
                let now = state.tick();
                retry(|| state.store.dead_letter(by, lane, &entry, "refused", now)).await;
            } else {
                state.publish(entry);
            }
        }
        lanes = retry(|| state.store.acknowledge(by, lease_until, &done)).await;
    }
}

/// Whether the transport refuses the entry. The decision depends on its number, so a requeued event may
/// succeed.
fn is_refused(entry: &Entry) -> bool {
    entry.number % 5 == 3
}
