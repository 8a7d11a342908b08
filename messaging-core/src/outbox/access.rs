//! Ended access: the user's subscriptions end before any later entry is published.
//!
//! The process that ends access and the process that publishes the change may differ. So the outbox entry of the change
//! names the user, and the process that publishes the entry revokes. If the transport can only end all connections of a
//! user, one call serves [many entries](super::revocations). A round publishes such an entry only as the first of its
//! lane: all earlier entries have been published by then, and no later one.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{
    Relay,
    deliver::{Failure, Run},
    revocations::{EntryKey, MAX_TRIES, Outcome, Standing},
};
use crate::{
    clock,
    event::{Channel, ChannelName},
    id::UserId,
    store::LoadedEntry,
    telemetry::{self, RevocationOutcome},
    transport::realtime::RevokeScope,
    transport::{TransportError, TransportErrorKind},
};

/// The entries of a lane that are published together: up to the next one that ends a user's access, exclusive.
pub(super) fn up_to_the_next(mut entries: Vec<LoadedEntry>) -> Vec<LoadedEntry> {
    let next = entries
        .iter()
        .skip(1)
        .position(|entry| entry.lost_access.is_some());
    entries.truncate(next.map_or(entries.len(), |next| next + 1));
    entries
}

/// The user whose access the first entry of a lane has ended.
pub(super) fn lost_access(entries: &[LoadedEntry]) -> Option<UserId> {
    entries.first()?.lost_access.clone()
}

impl Relay {
    /// Ends the subscriptions of the users who have lost access. If the transport is busy or down, the lane waits, for
    /// about a minute at most. Other failures are logged, do not stop the lane, and never open the circuit breaker.
    pub(super) async fn end_access(&self, runs: &mut [Run]) {
        match self.parts.realtime.revoke_scope() {
            RevokeScope::Subscription => {
                let each = runs.iter_mut().map(|run| async {
                    if let Some(failure) = self.end_subscriptions(run).await {
                        run.fail(failure);
                    }
                });
                join_all(each).await;
            }
            RevokeScope::User => {
                let mut by_user: BTreeMap<UserId, Vec<&mut Run>> = BTreeMap::new();
                for run in runs {
                    if let Some(user_id) = run.lost_access().cloned() {
                        by_user.entry(user_id).or_default().push(run);
                    }
                }
                let each = by_user
                    .into_iter()
                    .map(|(user_id, runs)| self.end_connections(user_id, runs));
                join_all(each).await;
            }
        }
    }

    /// Ends all connections of a user for the runs of a round, or leaves the runs to a later call.
    async fn end_connections(&self, user_id: UserId, runs: Vec<&mut Run>) {
        let keys: Vec<_> = runs.iter().filter_map(|run| run.head()).collect();
        if let Some(number) = self.revocations.begin(&user_id, &keys, self.parts.clock.now()) {
            let ended = self.end_connections_of(&user_id, &keys).await;
            self.revocations
                .end(&user_id, number, ended, self.parts.clock.now());
        }
        let now = self.parts.clock.now();
        for run in runs {
            let Some(key) = run.head() else { continue };
            match self.revocations.standing(&user_id, &key, run.tries_before(), now) {
                Standing::Known(outcome) => {
                    telemetry::revoked(match outcome {
                        Outcome::Ended => RevocationOutcome::Ended,
                        Outcome::Refused | Outcome::GivenUp => RevocationOutcome::Failed,
                    });
                    if outcome == Outcome::GivenUp && self.revocations.is_first_given_up(&user_id) {
                        tracing::error!(
                            %user_id,
                            "giving up on ending a user's connections after a minute of failed calls; the user, whose \
                             access has ended, receives events until the connections end; end them at the transport, \
                             and see the warnings before this for the cause"
                        );
                    }
                }
                Standing::Reported => {}
                Standing::Failed(until) => run.fail(Failure::Transport {
                    retry_after: Some(until.since(now)),
                }),
                Standing::Waits(until) => run.fail(Failure::Waits { until }),
            }
        }
    }

    async fn end_connections_of(
        &self,
        user_id: &UserId,
        keys: &[EntryKey],
    ) -> Result<(), TransportErrorKind> {
        // Any channel of the user will do: the transport ends all connections of the user.
        let Some((of, _)) = keys.first() else {
            return Ok(());
        };
        let channel = self.parts.names.name(&Channel::Conversation(*of));
        let ended = self.revoke(user_id, &channel).await;
        ended.map_err(|error| {
            let cause: &dyn std::error::Error = &error;
            match error.kind() {
                kind @ (TransportErrorKind::Busy { .. }
                | TransportErrorKind::Deferred { .. }
                | TransportErrorKind::Unavailable
                | TransportErrorKind::OutcomeUnknown) => {
                    tracing::warn!(
                        %user_id, error = cause,
                        "ending a user's connections failed; retrying, for a minute at most, before anything later is \
                         published"
                    );
                    kind
                }
                kind @ (TransportErrorKind::Refused | TransportErrorKind::Misconfigured) => {
                    tracing::error!(
                        %user_id, error = cause,
                        "ending a user's connections failed; publishing continues, and the subscriptions last until the \
                         connections end"
                    );
                    kind
                }
            }
        })
    }

    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        let revoked = self.parts.realtime.revoke(user_id, channel);
        let revoked = clock::timeout(&*self.parts.clock, self.options().call_timeout, revoked).await;
        revoked
            .unwrap_or_else(|elapsed| Err(TransportError::new(TransportErrorKind::OutcomeUnknown, elapsed)))
    }

    async fn end_subscriptions(&self, run: &Run) -> Option<Failure> {
        let user_id = run.lost_access()?;
        let of = run.lane().conversation_id;
        let channels = [Channel::Conversation(of), Channel::ConversationPresence(of)];
        for channel in channels.map(|channel| self.parts.names.name(&channel)) {
            let Err(error) = self.revoke(user_id, &channel).await else {
                continue;
            };
            let retry_after = match error.kind() {
                TransportErrorKind::Busy { retry_after } | TransportErrorKind::Deferred { retry_after } => {
                    Some(retry_after)
                }
                TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown => Some(None),
                TransportErrorKind::Refused | TransportErrorKind::Misconfigured => None,
            };
            let waits = run.tries_before() < MAX_TRIES;
            let cause: &dyn std::error::Error = &error;
            if let Some(retry_after) = retry_after.filter(|_| waits) {
                tracing::warn!(
                    %channel, error = cause,
                    "ending a subscription failed; retrying before anything later is published"
                );
                return Some(Failure::Transport { retry_after });
            }
            tracing::error!(
                %user_id, %channel, error = cause,
                "giving up on ending a subscription; the user, whose access has ended, receives events until the \
                 connection ends; end it at the transport"
            );
            telemetry::revoked(RevocationOutcome::Failed);
            return None;
        }
        telemetry::revoked(RevocationOutcome::Ended);
        None
    }
}
