//! Access that has ended: its user's subscriptions end before anything later is published.
//!
//! The process that ends access, and the one that publishes, may be two: the outbox entry of the change names the user,
//! and the process that publishes the entry revokes. A round publishes an entry that names one only as the first of its
//! lane, so that everything before it has been published, and nothing after it.

use futures_util::future::join_all;

use super::{
    Relay,
    deliver::{Failure, Run},
};
use crate::{
    clock,
    event::Channel,
    id::UserId,
    port::{
        realtime::{PublishError, PublishErrorKind},
        store::LoadedEntry,
    },
    telemetry,
};

/// How often in a row a lane's publishing may have failed while it still waits for a transport that is busy or down to end
/// a user's subscriptions: about a minute, by the pauses between tries. Tries are counted and not time, since the commit
/// bears another process's clock and may be old.
const MAX_TRIES: u32 = 8;

/// The entries of a lane that are published together: up to the next that ends somebody's access.
pub(super) fn up_to_the_next(mut entries: Vec<LoadedEntry>) -> Vec<LoadedEntry> {
    let next = entries
        .iter()
        .skip(1)
        .position(|entry| entry.lost_access.is_some());
    entries.truncate(next.map_or(entries.len(), |next| next + 1));
    entries
}

/// Whose access the first entry of a lane has ended.
pub(super) fn lost_access(entries: &[LoadedEntry]) -> Option<UserId> {
    entries.first()?.lost_access.clone()
}

impl Relay {
    /// Ends the subscriptions of the users who have lost access. A lane whose transport is busy or down waits, for a
    /// minute or so at most; whatever else goes wrong is logged and passed over, and never opens the circuit breaker.
    pub(super) async fn end_access(&self, runs: &mut [Run]) {
        join_all(runs.iter_mut().map(|run| async {
            if let Some(failure) = self.end_subscriptions(run).await {
                run.fail(failure);
            }
        }))
        .await;
    }

    async fn end_subscriptions(&self, run: &Run) -> Option<Failure> {
        let user_id = run.lost_access()?;
        let of = run.lane().conversation_id;
        let channels = [Channel::Conversation(of), Channel::ConversationPresence(of)];
        for channel in channels.map(|channel| self.parts.names.name(&channel)) {
            let revoked = self.parts.realtime.revoke(user_id, &channel);
            let revoked = clock::timeout(&*self.parts.clock, self.options().call_timeout, revoked).await;
            let revoked =
                revoked.unwrap_or_else(|elapsed| Err(PublishError::new(PublishErrorKind::Down, elapsed)));
            let Err(error) = revoked else { continue };
            let retry_after = match error.kind() {
                PublishErrorKind::Busy { retry_after } => Some(retry_after),
                PublishErrorKind::Down => Some(None),
                _ => None,
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
                %channel, error = cause,
                "ending a subscription failed; it lasts until its connection ends"
            );
            telemetry::revoked(false);
            return None;
        }
        telemetry::revoked(true);
        None
    }
}
