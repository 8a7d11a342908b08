use tracing::instrument;

use crate::{
    actor::Actor,
    domain::{conversation::Conversation, side::Side, unread::UnreadCounter},
    error::{Error, ErrorKind},
    id::{ConversationId, MessageId},
    policy::Action,
    store::{MarkRead, Marked},
    telemetry,
    time::Timestamp,
    use_case::{Messaging, attempt::attempt, found, unless_lost},
};

const MARKING: &str = "marking messages as read";

/// Where the reader stands after marking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadState {
    /// The reader's own counts.
    pub counter: UnreadCounter,
    /// The time of the receipt that covers what was marked; `None` when nothing addressed to the reader
    /// stands at or before the message.
    pub read_at: Option<Timestamp>,
}

impl Messaging {
    /// Marks everything up to a message as read by the actor's side. A read position only grows: marking
    /// an older message changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), also for a message of another conversation;
    /// [`Forbidden`](ErrorKind::Forbidden) for an admin who takes no part, and where the host's policy refuses;
    /// [`Unavailable`](ErrorKind::Unavailable); [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), %conversation_id))]
    pub async fn mark_read(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        up_to: MessageId,
    ) -> Result<ReadState, Error> {
        let recent = &self.0.recent;
        if let Some(remembered) = recent.find(conversation_id)
            && let Ok(side) = self.reader(actor, Some(&remembered)).await
            && let Some(marked) = self.move_position(&remembered, side, up_to).await?
        {
            return Ok(marked);
        }
        let marked = attempt(MARKING, || async {
            let conversation = self.stored(conversation_id, MARKING).await?;
            let side = self.reader(actor, conversation.as_ref()).await?;
            let conversation = found(conversation, MARKING)?;
            let marked = self.move_position(&conversation, side, up_to).await?;
            if marked.is_some() {
                recent.remember(conversation);
            } else {
                recent.forget(conversation_id);
            }
            Ok(marked)
        });
        marked.await
    }

    /// The side of an actor who may mark messages of this conversation as read.
    pub(super) async fn reader(&self, actor: &Actor, of: Option<&Conversation>) -> Result<Side, Error> {
        let standing = self.decide(actor, Action::MarkRead, of, MARKING).await?;
        let side = standing.side();
        side.ok_or_else(|| Error::new(ErrorKind::Internal, MARKING))
    }

    /// Applies a step that was decided on this conversation; `None` if the conversation has changed since.
    pub(super) async fn move_position(
        &self,
        conversation: &Conversation,
        side: Side,
        up_to: MessageId,
    ) -> Result<Option<ReadState>, Error> {
        let step = MarkRead {
            conversation_id: conversation.id,
            access_version: conversation.access_version,
            side,
            up_to,
            now: self.now(),
            publisher: self.publisher(),
        };
        match unless_lost(self.store().mark_read(&step).await, MARKING)? {
            Some(Marked::Moved(moved)) => {
                telemetry::read();
                self.hand_over(moved.entry.lane);
                Ok(Some(ReadState {
                    counter: moved.counter,
                    read_at: Some(moved.receipt.read_at),
                }))
            }
            Some(Marked::Already { counter, read_at }) => Ok(Some(ReadState { counter, read_at })),
            Some(Marked::UnknownMessage) => Err(Error::new(ErrorKind::NotFound, MARKING)),
            Some(Marked::Conflict) | None => Ok(None),
        }
    }
}
