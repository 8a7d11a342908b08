//! One round: some lanes, from what is unpublished to empty.

use std::collections::{HashMap, HashSet};

use super::{
    Handoff, Relay,
    deliver::{Failure, Run},
    retry,
};
use crate::{
    event,
    id::ConversationId,
    port::{
        directory::{ProfileQuery, Profiles},
        store::{Lane, LaneDelay, LaneFailure, LoadedEntry, StoreError, Subject},
    },
    profiles::profiles_or_blank,
};

/// How many entries of a lane are loaded at a time.
const PER_LANE: usize = 100;

/// Lanes that are published together, so that their events can share calls.
pub(super) struct Round {
    lanes: Vec<Lane>,
    /// Entries that need not be loaded, by lane.
    at_hand: HashMap<ConversationId, LoadedEntry>,
    profiles: Profiles,
}

impl Round {
    pub(super) fn of_claimed(lanes: Vec<Lane>) -> Self {
        Self {
            lanes,
            at_hand: HashMap::new(),
            profiles: Profiles::default(),
        }
    }

    pub(super) fn of_handoffs(handoffs: Vec<Handoff>) -> Option<Self> {
        let mut round = Self::of_claimed(Vec::with_capacity(handoffs.len()));
        for Handoff {
            lane,
            loaded,
            profiles,
        } in handoffs
        {
            round
                .at_hand
                .extend(loaded.map(|loaded| (lane.conversation_id, loaded)));
            round.profiles.merge(profiles);
            round.lanes.push(lane);
        }
        (!round.lanes.is_empty()).then_some(round)
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

impl Relay {
    /// Publishes a round until its lanes are empty or let go of.
    pub(super) async fn publish(&self, mut round: Round) {
        while !round.lanes.is_empty() {
            match self.publish_once(round).await {
                Ok(left) => round = Round::of_claimed(left),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "publishing stopped: the lanes are due when their lease is over"
                    );
                    return;
                }
            }
        }
    }

    /// Publishes what the lanes hold now; answers those that have got more meanwhile.
    async fn publish_once(&self, round: Round) -> Result<Vec<Lane>, StoreError> {
        let mut runs = self.project(round).await?;
        self.deliver(&mut runs).await;
        self.set_aside_refused(&runs).await?;

        let progress: Vec<_> = runs.iter().filter_map(Run::progress).collect();
        let mut left = Vec::new();
        if !progress.is_empty() {
            let lease_until = self.clock.now() + self.options.lease;
            left = self.store.settle(self.id, lease_until, &progress).await?;
        }
        let delays: Vec<_> = runs.iter().filter_map(|run| self.delay_for(run, &left)).collect();
        if !delays.is_empty() {
            self.store.delay_lanes(self.id, &delays).await?;
        }
        let failed: HashSet<_> = runs
            .iter()
            .filter(|run| run.failure().is_some())
            .map(|run| run.lane().conversation_id)
            .collect();
        left.retain(|lane| !failed.contains(&lane.conversation_id));
        Ok(left)
    }

    /// Loads what is not at hand, in one call of the store and one of the directory, and makes the events.
    async fn project(&self, round: Round) -> Result<Vec<Run>, StoreError> {
        let Round {
            lanes,
            mut at_hand,
            mut profiles,
        } = round;
        let to_load: Vec<_> = lanes
            .iter()
            .filter(|lane| !at_hand.contains_key(&lane.conversation_id))
            .cloned()
            .collect();
        let mut loaded: HashMap<ConversationId, Vec<LoadedEntry>> = HashMap::new();
        if !to_load.is_empty() {
            let entries = self.store.load_entries(&to_load, PER_LANE).await?;
            let query = entries.iter().fold(ProfileQuery::default(), with_sender);
            profiles.merge(
                profiles_or_blank(&*self.directory, &*self.clock, self.directory_timeout, &query).await,
            );
            for entry in entries {
                loaded.entry(entry.entry.conversation_id).or_default().push(entry);
            }
        }
        let data_bytes = self.realtime.limits().data_bytes;
        let run = |lane: Lane| {
            let known = at_hand.remove(&lane.conversation_id).map(|entry| vec![entry]);
            let entries = known
                .or_else(|| loaded.remove(&lane.conversation_id))
                .unwrap_or_default();
            let events = entries.into_iter().map(|loaded| {
                let events = event::project(&loaded, &profiles, &self.names, data_bytes);
                (loaded.entry, events)
            });
            Run::new(lane, events.collect())
        };
        Ok(lanes.into_iter().map(run).collect())
    }

    async fn set_aside_refused(&self, runs: &[Run]) -> Result<(), StoreError> {
        for run in runs {
            for (entry, why) in run.set_aside() {
                tracing::error!(
                    conversation_id = %entry.conversation_id, event = entry.number, why,
                    "an event was refused for good and is set aside"
                );
                self.store
                    .set_aside(self.id, run.lane(), entry, why, self.clock.now())
                    .await?;
            }
        }
        Ok(())
    }

    /// When a lane whose run did not come to its end is due again. `left` are the lanes as settled.
    fn delay_for(&self, run: &Run, left: &[Lane]) -> Option<LaneDelay> {
        let now = self.clock.now();
        let chance = self.ids.chance();
        let (until, failure) = match run.failure()? {
            Failure::Transport { retry_after } => {
                let wait = retry::delay(run.tries_before().saturating_add(1), chance);
                (
                    now + wait.max(retry_after.unwrap_or_default().min(retry::MAX_DELAY)),
                    LaneFailure::Transport,
                )
            }
            Failure::Refused { refusals, .. } => {
                (now + retry::delay(*refusals, chance), LaneFailure::Refused)
            }
            Failure::Halted => (now + self.options.halt, LaneFailure::None),
            Failure::LeaseOver => (now, LaneFailure::None),
        };
        let lane = left
            .iter()
            .find(|lane| lane.conversation_id == run.lane().conversation_id);
        let lane = lane.unwrap_or_else(|| run.lane());
        let (conversation_id, lease_until) = (lane.conversation_id, lane.lease_until);
        Some(LaneDelay {
            conversation_id,
            lease_until,
            until,
            failure,
        })
    }
}

fn with_sender(query: ProfileQuery, loaded: &LoadedEntry) -> ProfileQuery {
    match &loaded.subject {
        Subject::Message(row) => query.with_sender(&row.message),
        Subject::Read { .. } | Subject::Updated { .. } => query,
    }
}
