use tracing::instrument;

use super::Operations;
use crate::{
    domain::change::Change,
    error::Error,
    id::ConversationId,
    use_case::{attempt::attempt, change::CHANGING, found},
};

impl Operations<'_> {
    /// Stops both sides from writing, as the host's own doing: when an order has ended, for example. Closing twice changes
    /// nothing. [`Admin::close`](crate::Admin::close) does the same for an admin, audited.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(conversation_id = %id))]
    pub async fn close(self, id: ConversationId) -> Result<(), Error> {
        self.change(id, &Change::Close).await
    }

    /// Lets both sides write again.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    #[instrument(level = "debug", skip_all, fields(conversation_id = %id))]
    pub async fn reopen(self, id: ConversationId) -> Result<(), Error> {
        self.change(id, &Change::Reopen).await
    }

    async fn change(self, id: ConversationId, change: &Change) -> Result<(), Error> {
        let changed = attempt(CHANGING, || async {
            let conversation = found(self.messaging.stored(id, CHANGING).await?, CHANGING)?;
            let is_changed = self.messaging.try_change(&conversation, change).await?;
            Ok(is_changed.then_some(()))
        });
        changed.await
    }
}
