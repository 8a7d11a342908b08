//! A round: delivers some lanes, each once.

use std::collections::HashMap;

use futures_util::future::join;

use super::{
    Relay,
    access::{lost_access, up_to_the_next},
    breaker::Trial,
    deliver::Run,
    queue::Work,
};
use crate::{
    event,
    host::directory::ProfileQuery,
    id::ConversationId,
    store::{Lane, LoadedEntry, StoreError, StoreErrorKind, Subject},
};

/// How many entries of a lane are published in one round.
const PER_LANE: usize = 32;

/// Lanes that are published together, so that their events share calls.
pub(super) struct Round {
    lanes: Vec<Work>,
    /// The trial that this round is; `None` if the breaker is closed.
    trial: Option<Trial>,
}

impl Round {
    /// A round of at least one lane.
    pub(super) fn new(lanes: Vec<Work>) -> Option<Self> {
        (!lanes.is_empty()).then_some(Self { lanes, trial: None })
    }

    /// The same round as a trial, which tests whether the transport answers again.
    pub(super) fn on_trial(self, trial: Trial) -> Self {
        Self {
            trial: Some(trial),
            ..self
        }
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

impl Relay {
    /// Delivers the entries of a round's lanes. Each lane then waits for its acknowledgement, or goes back into the queue if
    /// entries have joined it.
    pub(super) async fn publish(&self, Round { lanes, trial }: Round) {
        let keys: Vec<_> = lanes
            .iter()
            .map(|work| (work.lane.conversation_id, work.lane.lease_until))
            .collect();
        match self.deliver_all(lanes).await {
            Ok(runs) => {
                let continued: Vec<_> = runs
                    .into_iter()
                    .filter_map(|run| self.held.deliver(run))
                    .collect();
                if !continued.is_empty() {
                    self.queue.put(continued);
                }
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    "publishing a round failed; its lanes are due again when their leases expire"
                );
                for key in keys {
                    self.held.release(key);
                }
            }
        }
        if let Some(trial) = trial {
            // The lane may wait for a revocation, whose calls are no trial of publishing.
            self.breaker().abandon(&trial, self.parts.clock.now());
        }
    }

    async fn deliver_all(&self, lanes: Vec<Work>) -> Result<Vec<Run>, StoreError> {
        let runs = self.project(lanes).await?;
        // A transport that is slow to revoke must not delay other lanes.
        let (mut ending, mut runs): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| run.lost_access().is_some());
        let ended = async {
            self.end_access(&mut ending).await;
            self.deliver(&mut ending).await;
        };
        join(ended, self.deliver(&mut runs)).await;
        runs.append(&mut ending);
        Ok(runs)
    }

    /// Loads missing entries in one call of the store, looks profiles up in one call of the directory, and makes the
    /// events.
    async fn project(&self, lanes: Vec<Work>) -> Result<Vec<Run>, StoreError> {
        let to_load: Vec<_> = lanes
            .iter()
            .filter(|work| work.entries.is_empty())
            .map(|work| work.lane.clone())
            .collect();
        let mut loaded: HashMap<ConversationId, Vec<LoadedEntry>> = HashMap::new();
        for entry in self.load(&to_load).await? {
            loaded.entry(entry.entry.conversation_id).or_default().push(entry);
        }
        let mut missing = loaded
            .values()
            .flatten()
            .fold(ProfileQuery::default(), with_sender);
        for work in &lanes {
            let has_none = work.profiles.is_empty();
            missing = work
                .entries
                .iter()
                .filter(|_| has_none)
                .fold(missing, with_sender);
        }
        let parts = &self.parts;
        let mut profiles = parts.host.profiles(&missing).await;
        let data_bytes = parts.realtime.limits().data_bytes;
        let mut runs = Vec::with_capacity(lanes.len());
        for work in lanes {
            profiles.merge(work.profiles);
            let mut entries = work.entries;
            if entries.is_empty() {
                entries = loaded.remove(&work.lane.conversation_id).unwrap_or_default();
            }
            let entries = up_to_the_next(entries);
            let lost_access = lost_access(&entries);
            let events = entries.into_iter().map(|loaded| {
                let events = event::project(&loaded, &profiles, &parts.names, data_bytes);
                (loaded.entry, events)
            });
            let events = events.collect();
            runs.push(match work.delivered {
                Some(mut run) => {
                    run.extend(events);
                    run
                }
                None => Run::new(work.lane, events, lost_access),
            });
        }
        Ok(runs)
    }

    /// Loads the entries of some lanes. A lane that cannot be read does not fail the others: it gets no entries, and
    /// waits.
    async fn load(&self, lanes: &[Lane]) -> Result<Vec<LoadedEntry>, StoreError> {
        const LOADING: &str = "loading entries";
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let load = |lanes| self.in_time(LOADING, self.parts.store.load_entries(lanes, PER_LANE));
        match load(lanes).await {
            Err(error) if is_defect(&error) => {
                let mut entries = Vec::new();
                for lane in lanes {
                    match load(std::slice::from_ref(lane)).await {
                        Ok(own) => entries.extend(own),
                        Err(error) if is_defect(&error) => {
                            let error: &dyn std::error::Error = &error;
                            let conversation_id = lane.conversation_id;
                            tracing::error!(%conversation_id, error, "reading a lane failed; it is retried later");
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(entries)
            }
            loaded => loaded,
        }
    }
}

fn with_sender(query: ProfileQuery, loaded: &LoadedEntry) -> ProfileQuery {
    match &loaded.subject {
        Subject::Message(row) => query.with_sender(&row.message),
        Subject::Read { .. } | Subject::Updated { .. } => query,
    }
}

fn is_defect(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::Internal)
}
