use std::sync::atomic::{AtomicBool, Ordering};

use tracing::instrument;

use super::Admin;
use crate::{
    domain::change::Change,
    error::Error,
    id::ConversationId,
    policy::{Action, Standing},
    store::AuditedAction,
    use_case::{attempt::attempt, change::CHANGING, found},
};

impl Admin<'_> {
    /// Stops both sides from writing. Audited.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is an admin who takes no part;
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), conversation_id = %id))]
    pub async fn close(self, id: ConversationId) -> Result<(), Error> {
        self.change(id, Action::Close, AuditedAction::Close, Change::Close)
            .await
    }

    /// Lets people write again. Audited.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), conversation_id = %id))]
    pub async fn reopen(self, id: ConversationId) -> Result<(), Error> {
        self.change(id, Action::Reopen, AuditedAction::Reopen, Change::Reopen)
            .await
    }

    async fn change(
        self,
        id: ConversationId,
        action: Action<'_>,
        audited: AuditedAction,
        change: Change,
    ) -> Result<(), Error> {
        // One record, however often it is decided anew.
        let recorded = AtomicBool::new(false);
        let changed = attempt(CHANGING, || async {
            let conversation = self.messaging.stored(id, CHANGING).await?;
            let standing = self
                .messaging
                .decide(self.actor, action, conversation.as_ref(), CHANGING)
                .await?;
            let conversation = found(conversation, CHANGING)?;
            if standing == Standing::Audited && !recorded.load(Ordering::Relaxed) {
                self.messaging.audit(self.actor, audited, Some(id)).await?;
                recorded.store(true, Ordering::Relaxed);
            }
            let is_changed = self.messaging.try_change(&conversation, &change).await?;
            Ok(is_changed.then_some(()))
        });
        changed.await
    }
}
