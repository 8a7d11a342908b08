//! Acknowledgement: removes delivered entries from the outbox, for the lanes of several rounds in one call of the store.
//!
//! A client does not wait for it: its message has been stored. But it takes as long in the database as a message does when
//! it is made for one message alone. So the worker waits for a moment after a delivery, and acknowledges what has been
//! delivered until then together. A crash in between publishes the entries a second time, in order, as any crash between
//! delivery and acknowledgement does.

use std::{collections::HashSet, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    Relay,
    deliver::{Failure, Run},
};
use crate::{
    backoff,
    store::{Lane, LaneDeferral, LaneFailure, StoreError, StoreErrorKind},
    telemetry,
    time::Timestamp,
};

/// How long a delivered lane waits for others.
pub(super) const WAIT: Duration = Duration::from_millis(10);

/// How many lanes one call of the store acknowledges.
pub(super) const LANES: usize = 64;

/// How often a failed step of the outbox is retried.
const MAX_REPEATS: usize = 8;

/// The longest pause before a failed step of the outbox is retried.
const REPEAT_AFTER: Duration = Duration::from_millis(250);

impl Relay {
    /// Acknowledges all delivered lanes.
    pub(super) async fn acknowledge_all(&self) {
        while self.held.delivered() > 0 {
            self.acknowledge_next().await;
        }
    }

    /// Takes up to [`LANES`] delivered lanes, at once, and acknowledges them or defers those that failed. Lanes that have
    /// more entries go back into the queue.
    pub(super) fn acknowledge_next(&self) -> impl Future<Output = ()> + Send {
        let runs = self.held.take_delivered(LANES, self.parts.clock.now());
        self.acknowledge_runs(runs)
    }

    async fn acknowledge_runs(&self, runs: Vec<Run>) {
        if runs.is_empty() {
            return;
        }
        let left = self.acknowledge(&runs).await.unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "acknowledging lanes failed; they are due again when their leases expire"
            );
            Vec::new()
        });
        let going_on: HashSet<_> = left.iter().map(|lane| lane.conversation_id).collect();
        let ended = runs.iter().map(Run::key).filter(|(id, _)| !going_on.contains(id));
        ended.for_each(|key| self.held.release(key));
        if !left.is_empty() {
            self.queue
                .put(left.into_iter().map(|lane| self.held.resume(lane)));
        }
    }

    /// Records what has become of these runs. Returns the lanes that have more entries to publish.
    async fn acknowledge(&self, runs: &[Run]) -> Result<Vec<Lane>, StoreError> {
        let earliest = runs
            .iter()
            .map(|run| run.lane().lease_until)
            .min()
            .unwrap_or(Timestamp::EPOCH);
        self.move_refused_to_dead_letters(runs, earliest).await?;

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
