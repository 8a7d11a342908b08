//! A round: publishes some lanes, each once.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::future::{BoxFuture, join};

use super::{
    Relay,
    access::{lost_access, up_to_the_next},
    breaker::Trial,
    deliver::{Failure, Run},
    queue::Work,
};
use crate::{
    backoff, event,
    host::directory::ProfileQuery,
    id::ConversationId,
    store::{Lane, LaneDeferral, LaneFailure, LoadedEntry, StoreError, StoreErrorKind, Subject},
    telemetry,
    time::Timestamp,
};

/// How many entries of a lane are published in one round.
const PER_LANE: usize = 32;

/// How often a failed step of the outbox is retried.
const MAX_REPEATS: usize = 8;

/// The longest pause before a failed step of the outbox is retried.
const REPEAT_AFTER: Duration = Duration::from_millis(250);

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
    /// Publishes the entries of a round's lanes. Lanes that have got more entries meanwhile go back into the queue.
    pub(super) async fn publish(&self, Round { lanes, trial }: Round) {
        let held: Vec<_> = lanes
            .iter()
            .map(|work| (work.lane.conversation_id, work.lane.lease_until))
            .collect();
        self.under_way().extend(held.iter().copied());
        match self.publish_once(lanes).await {
            Ok(left) => self.queue.put(left),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    "publishing a round failed; its lanes are due again when their leases expire"
                );
            }
        }
        if let Some(trial) = trial {
            // The lane may wait for a revocation, whose calls are no trial of publishing.
            self.breaker().abandon(&trial, self.parts.clock.now());
        }
        let mut under_way = self.under_way();
        for lane in &held {
            under_way.remove(lane);
        }
    }

    async fn publish_once(&self, lanes: Vec<Work>) -> Result<Vec<Lane>, StoreError> {
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
        let earliest = runs
            .iter()
            .map(|run| run.lane().lease_until)
            .min()
            .unwrap_or(Timestamp::EPOCH);
        self.move_refused_to_dead_letters(&runs, earliest).await?;

        let progress: Vec<_> = runs.iter().filter_map(Run::progress).collect();
        let mut left = Vec::new();
        if !progress.is_empty() {
            let acknowledge = || {
                let lease_until = self.parts.clock.now() + self.options().lease;
                self.parts.store.acknowledge(self.id, lease_until, &progress)
            };
            left = self
                .repeated("acknowledging lanes", earliest, &acknowledge)
                .await?;
        }
        for (user_id, entry) in runs.iter().filter_map(Run::ended_access) {
            self.revocations.forget(user_id, &entry);
        }
        let deferrals: Vec<_> = runs.iter().filter_map(|run| self.delay_for(run, &left)).collect();
        if !deferrals.is_empty() {
            telemetry::retried(deferrals.len());
            let delay = || self.parts.store.defer_lanes(self.id, &deferrals);
            self.repeated("deferring lanes", earliest, &delay).await?;
        }
        let failed: HashSet<_> = runs
            .iter()
            .filter(|run| run.failure().is_some())
            .map(|run| run.lane().conversation_id)
            .collect();
        left.retain(|lane| !failed.contains(&lane.conversation_id));
        Ok(left)
    }

    /// Loads missing entries in one call of the store, looks profiles up in one call of the directory, and makes the
    /// events.
    async fn project(&self, lanes: Vec<Work>) -> Result<Vec<Run>, StoreError> {
        let to_load: Vec<_> = lanes
            .iter()
            .filter(|work| work.loaded.is_none())
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
            missing = work.loaded.iter().filter(|_| has_none).fold(missing, with_sender);
        }
        let parts = &self.parts;
        let mut profiles = parts.host.profiles(&missing).await;
        let data_bytes = parts.realtime.limits().data_bytes;
        let mut runs = Vec::with_capacity(lanes.len());
        for work in lanes {
            profiles.merge(work.profiles);
            let at_hand = work.loaded.map(|entry| vec![entry]);
            let entries = at_hand
                .or_else(|| loaded.remove(&work.lane.conversation_id))
                .unwrap_or_default();
            let entries = up_to_the_next(entries);
            let lost_access = lost_access(&entries);
            let events = entries.into_iter().map(|loaded| {
                let events = event::project(&loaded, &profiles, &parts.names, data_bytes);
                (loaded.entry, events)
            });
            runs.push(Run::new(work.lane, events.collect(), lost_access));
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

    /// Runs a step of the outbox, and retries it while it fails without an effect and its leases last, so that accepted
    /// events are not published again because of a short failure of the store.
    async fn repeated<'a, T>(
        &self,
        doing: &'static str,
        lease_until: Timestamp,
        step: &(dyn Fn() -> BoxFuture<'a, Result<T, StoreError>> + Sync),
    ) -> Result<T, StoreError> {
        for _ in 0..MAX_REPEATS {
            let error = match self.in_time(doing, step()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = match error.kind() {
                StoreErrorKind::Retry => Duration::ZERO,
                StoreErrorKind::Unavailable { retry_after } => retry_after.min(REPEAT_AFTER),
                _ => return Err(error),
            };
            if self.parts.clock.now() + wait >= lease_until {
                return Err(error);
            }
            self.parts.clock.sleep(wait).await;
        }
        self.in_time(doing, step()).await
    }

    async fn move_refused_to_dead_letters(
        &self,
        runs: &[Run],
        lease_until: Timestamp,
    ) -> Result<(), StoreError> {
        for run in runs {
            for (entry, why) in run.dead_letter() {
                tracing::error!(
                    conversation_id = %entry.conversation_id, event = entry.number, why,
                    "event refused permanently; moved to the dead letters until an operator requeues it"
                );
                telemetry::dead_letter();
                let now = self.parts.clock.now();
                let dead_letters = || self.parts.store.dead_letter(self.id, run.lane(), entry, why, now);
                self.repeated("moving an event to the dead letters", lease_until, &dead_letters)
                    .await?;
            }
        }
        Ok(())
    }

    /// The deferral of a lane whose run stopped before its end; `None` if the run did not. `left` are the lanes as
    /// acknowledged.
    fn delay_for(&self, run: &Run, left: &[Lane]) -> Option<LaneDeferral> {
        let now = self.parts.clock.now();
        let chance = self.parts.ids.chance();
        let (until, failure) = match run.failure()? {
            Failure::Transport { retry_after } => {
                let wait = backoff::delay(run.tries_before().saturating_add(1), chance);
                (
                    now + wait.max(retry_after.unwrap_or_default().min(backoff::MAX_DELAY)),
                    LaneFailure::Transport,
                )
            }
            Failure::Refused { refusals, .. } => {
                (now + backoff::delay(*refusals, chance), LaneFailure::Refused)
            }
            Failure::Waits { until } => (*until, LaneFailure::None),
            Failure::Stopped => (now, LaneFailure::None),
        };
        let lane = left
            .iter()
            .find(|lane| lane.conversation_id == run.lane().conversation_id);
        let lane = lane.unwrap_or_else(|| run.lane());
        let (conversation_id, lease_until) = (lane.conversation_id, lane.lease_until);
        Some(LaneDeferral {
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

fn is_defect(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::Internal)
}
