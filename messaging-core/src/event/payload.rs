//! The JSON of events. A message is the same in an event and in an answer of the API.

use serde::Serialize;

use crate::{
    domain::{
        conversation::{Conversation, Status},
        message::{Message, Origin},
        side::Side,
    },
    id::{BookingId, ConversationId, MessageId, UserId},
    port::directory::UserProfile,
    time::Timestamp,
};

/// A message, as the API returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of `Message`, under their names on the wire"
)]
pub struct MessagePayload {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub seq: u64,
    pub kind: MessageKind,
    pub sender_id: Option<UserId>,
    pub sender: Option<SenderPayload>,
    pub content: String,
    pub created_at: Timestamp,
    pub read_at: Option<Timestamp>,
    pub client_message_id: Option<String>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A person.
    User,
    /// The host.
    System,
}

/// The writer, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "an id, and the fields of `UserProfile`")]
pub struct SenderPayload {
    pub id: UserId,
    pub name: String,
    pub image: Option<String>,
}

impl MessagePayload {
    /// Puts together a message, its writer's profile, and when it was read.
    pub fn new(
        message: &Message,
        sender: impl FnOnce(&UserId) -> UserProfile,
        read_at: Option<Timestamp>,
    ) -> Self {
        // The host's own keys are no business of the clients.
        let client_key = message
            .key
            .as_ref()
            .filter(|_| message.kind() == MessageKind::User);
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            seq: message.seq,
            kind: message.kind(),
            sender_id: message.origin.sender().cloned(),
            sender: message.origin.sender().map(|id| {
                let UserProfile { name, image } = sender(id);
                SenderPayload {
                    id: id.clone(),
                    name,
                    image,
                }
            }),
            content: message.body.as_str().to_owned(),
            created_at: message.created_at,
            read_at,
            client_message_id: client_key.map(|key| key.as_str().to_owned()),
        }
    }
}

impl Message {
    pub(super) fn kind(&self) -> MessageKind {
        match self.origin {
            Origin::User { .. } => MessageKind::User,
            Origin::System { .. } => MessageKind::System,
        }
    }
}

/// A message that is too large for the transport: the client fetches it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TruncatedMessage<'a> {
    id: MessageId,
    conversation_id: ConversationId,
    seq: u64,
    kind: MessageKind,
    sender_id: Option<&'a UserId>,
    created_at: Timestamp,
    truncated: bool,
}

impl<'a> TruncatedMessage<'a> {
    pub(super) fn new(message: &'a Message) -> Self {
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            seq: message.seq,
            kind: message.kind(),
            sender_id: message.origin.sender(),
            created_at: message.created_at,
            truncated: true,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UnreadChanged {
    conversation_id: ConversationId,
    side: Side,
    unread_count: u64,
    unread_version: u64,
}

impl UnreadChanged {
    pub(super) fn new(conversation: &Conversation, side: Side) -> Self {
        let mailbox = conversation.mailboxes.of(side);
        Self {
            conversation_id: conversation.id,
            side,
            unread_count: mailbox.unread(),
            unread_version: mailbox.version(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Notification<'a, M: Serialize> {
    pub(super) message: &'a M,
    #[serde(flatten)]
    pub(super) unread: UnreadChanged,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageRead<'a> {
    pub(super) conversation_id: ConversationId,
    pub(super) reader_id: &'a UserId,
    pub(super) side: Side,
    pub(super) up_to_seq: u64,
    pub(super) message_ids: &'a [MessageId],
    pub(super) read_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationUpdated<'a> {
    pub(super) conversation_id: ConversationId,
    pub(super) status: Status,
    pub(super) booking_id: Option<&'a BookingId>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypingPayload<'a> {
    pub(super) conversation_id: ConversationId,
    pub(super) user_id: &'a UserId,
}
