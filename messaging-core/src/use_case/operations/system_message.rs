use tracing::instrument;

use super::Operations;
use crate::{
    domain::{
        body::Body,
        message::{IdempotencyKey, Origin},
        side::Recipients,
    },
    error::Error,
    id::ConversationId,
    use_case::{
        attempt::attempt,
        found,
        participant::{Done, SENDING, SendMessage, Sent, same_text},
    },
};

/// A message of the host itself to one side or both: *booking confirmed*.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemMessage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The text.
    pub body: Body,
    /// A key that makes the send repeatable: the host's sends with the same key are one message.
    pub idempotency_key: IdempotencyKey,
    /// The sides for which the message counts as unread. Both sides see it. Default: [`Recipients::Both`].
    pub recipients: Recipients,
}

impl SystemMessage {
    /// A message to both sides.
    pub const fn new(conversation_id: ConversationId, body: Body, idempotency_key: IdempotencyKey) -> Self {
        Self {
            conversation_id,
            body,
            idempotency_key,
            recipients: Recipients::Both,
        }
    }

    /// To other recipients.
    pub fn to(self, recipients: Recipients) -> Self {
        Self { recipients, ..self }
    }
}

impl Operations<'_> {
    /// Sends a message of the host itself. Neither a block nor a closed conversation refuses it, and no rate limit counts it.
    ///
    /// # Errors
    /// As [`Messaging::send_message`](crate::Messaging::send_message), but there is no refusal.
    #[instrument(level = "debug", skip_all, fields(conversation_id = %message.conversation_id))]
    pub async fn send_system_message(self, message: &SystemMessage) -> Result<Sent, Error> {
        let send = SendMessage::new(message.conversation_id, message.body.clone())
            .with_idempotency_key(message.idempotency_key.clone());
        let appended = attempt(SENDING, || async {
            let stored = self.messaging.stored(send.conversation_id, SENDING).await?;
            let conversation = found(stored, SENDING)?;
            let origin = Origin::system(message.recipients);
            self.messaging.append(&conversation, origin, &send).await
        });
        match appended.await? {
            Done::Stored(stored) => Ok(stored),
            Done::Duplicate(duplicate) => same_text(&send, duplicate),
        }
    }
}
