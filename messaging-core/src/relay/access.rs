//! Access that has ended: its user's subscriptions end before anything later is published.
//!
//! The process that ends access, and the one that publishes, may be two: the outbox entry of the change names the user,
//! and the process that publishes the entry revokes. A round publishes an entry that names one only as the first of its
//! lane, so that everything before it has been published, and nothing after it.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Relay,
    deliver::{Failure, Run},
};
use crate::{
    clock,
    event::Channel,
    id::{ConversationId, UserId},
    port::{
        realtime::{PublishError, PublishErrorKind},
        store::LoadedEntry,
    },
    telemetry,
    time::Timestamp,
};

/// For how long a lane waits for a transport that is busy or down to end a user's subscriptions.
const WAITS: Duration = Duration::from_mins(1);

/// A user whose access has ended, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LostAccess {
    user_id: UserId,
    at: Timestamp,
}

/// The entries of a lane that are published together: up to the next that ends somebody's access.
pub(super) fn up_to_the_next(mut entries: Vec<LoadedEntry>) -> Vec<LoadedEntry> {
    let next = entries
        .iter()
        .skip(1)
        .position(|entry| entry.lost_access.is_some());
    entries.truncate(next.map_or(entries.len(), |next| next + 1));
    entries
}

impl LostAccess {
    /// Of the first entry of a lane.
    pub(super) fn of(entries: &[LoadedEntry]) -> Option<Self> {
        let first = entries.first()?;
        Some(Self {
            user_id: first.lost_access.clone()?,
            at: first.entry.at,
        })
    }
}

impl Relay {
    /// Ends the subscriptions of the users who have lost access. A lane whose transport is busy or down waits, for a
    /// minute at most; whatever else goes wrong is logged and passed over, and never opens the circuit breaker.
    pub(super) async fn end_access(&self, runs: &mut [Run]) {
        let lost: Vec<_> = runs
            .iter()
            .enumerate()
            .filter_map(|(at, run)| Some((at, run.lost_access()?)))
            .collect();
        let ended = lost
            .iter()
            .map(|(at, lost)| self.end_subscriptions(runs[*at].lane().conversation_id, lost));
        let failures: Vec<_> = join_all(ended).await;
        let failures: Vec<_> = lost.iter().map(|(at, _)| *at).zip(failures).collect();
        for (at, failure) in failures {
            if let Some(failure) = failure {
                runs[at].fail(failure);
            }
        }
    }

    async fn end_subscriptions(&self, of: ConversationId, lost: &LostAccess) -> Option<Failure> {
        let channels = [Channel::Conversation(of), Channel::ConversationPresence(of)];
        for channel in channels.map(|channel| self.parts.names.name(&channel)) {
            let revoked = self.parts.realtime.revoke(&lost.user_id, &channel);
            let revoked = clock::timeout(&*self.parts.clock, self.options().call_timeout, revoked).await;
            let revoked =
                revoked.unwrap_or_else(|elapsed| Err(PublishError::new(PublishErrorKind::Down, elapsed)));
            let Err(error) = revoked else { continue };
            let retry_after = match error.kind() {
                PublishErrorKind::Busy { retry_after } => Some(retry_after),
                PublishErrorKind::Down => Some(None),
                _ => None,
            };
            let waits = self.parts.clock.now() < lost.at + WAITS;
            let cause: &dyn std::error::Error = &error;
            if let Some(retry_after) = retry_after.filter(|_| waits) {
                tracing::warn!(%channel, error = cause, "ending a subscription failed; retrying before anything later is published");
                return Some(Failure::Transport { retry_after });
            }
            tracing::error!(%channel, error = cause, "ending a subscription failed; it lasts until its connection ends");
            telemetry::revoked(false);
            return None;
        }
        telemetry::revoked(true);
        None
    }
}
