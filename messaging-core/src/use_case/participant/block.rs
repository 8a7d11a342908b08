use tracing::instrument;

use crate::{
    actor::Actor,
    domain::{change::Change, conversation::Conversation, side::Side},
    error::{Error, ErrorKind},
    event::Channel,
    id::ConversationId,
    policy::Action,
    use_case::{Messaging, attempt::attempt, change::CHANGING},
};

impl Messaging {
    /// Refuses the other side's messages and typing from now on: once this has answered, none is accepted. What was
    /// written stays readable. The other side gets no presence of this one. Blocking twice changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden) for an admin who takes no
    /// part, and where the host's policy refuses; [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn block(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        let (conversation, side) = self
            .change_own_side(actor, id, Action::Block, Change::Block)
            .await?;
        let presence = self.0.names.name(&Channel::ConversationPresence(id));
        self.unsubscribe(conversation.user(side.other()), &presence).await;
        Ok(())
    }

    /// Accepts the other side's messages again.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn unblock(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        self.change_own_side(actor, id, Action::Unblock, Change::Unblock)
            .await?;
        Ok(())
    }

    async fn change_own_side(
        &self,
        actor: &Actor,
        id: ConversationId,
        action: Action<'_>,
        change: fn(Side) -> Change,
    ) -> Result<(Conversation, Side), Error> {
        let changed = attempt(CHANGING, || async {
            let conversation = self.stored(id, CHANGING).await?;
            let standing = self
                .decide(actor, action, conversation.as_ref(), CHANGING)
                .await?;
            let (Some(side), Some(conversation)) = (standing.side(), conversation) else {
                return Err(Error::new(ErrorKind::Internal, CHANGING));
            };
            let is_changed = self.try_change(&conversation, &change(side)).await?;
            Ok(is_changed.then_some((conversation, side)))
        });
        changed.await
    }
}
