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

impl Operations<'_> {
    /// Sends a message of the host itself (*booking confirmed*) to one side or both. Neither a block nor a
    /// closed conversation stops it.
    ///
    /// # Errors
    /// As [`send_message`](Self::send_message), but there is no refusal.
    #[instrument(level = "debug", skip_all, fields(%conversation_id))]
    pub async fn send_system_message(
        self,
        conversation_id: ConversationId,
        to: Recipients,
        body: Body,
        key: IdempotencyKey,
    ) -> Result<Sent, Error> {
        let send = SendMessage {
            conversation_id,
            body,
            key: Some(key),
        };
        let appended = attempt(SENDING, || async {
            let conversation = found(self.messaging.stored(conversation_id, SENDING).await?, SENDING)?;
            self.messaging
                .append(&conversation, Origin::System { to }, &send)
                .await
        });
        match appended.await? {
            Done::Stored(stored) => Ok(stored),
            Done::Duplicate(duplicate) => same_text(&send, duplicate),
        }
    }
}
