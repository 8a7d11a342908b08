//! The JSON of events. A message has the same form in events and in responses of the API.

use serde::Serialize;

use crate::{
    domain::{
        conversation::{Conversation, Status},
        message::{Message, Origin},
        shown::Shown,
        side::Side,
    },
    host::directory::UserProfile,
    id::{BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
};

/// A message, as the API returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Message))]
#[serde(rename_all = "camelCase")]
pub struct MessagePayload {
    /// Its id.
    pub id: MessageId,
    /// The id of the conversation.
    pub conversation_id: ConversationId,
    /// Its position in the conversation, from 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub seq: u64,
    /// The kind of sender: a user or the host.
    pub kind: MessageKind,
    /// The id of the sender; null for the host.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sender_id: Option<UserId>,
    /// The sender, as shown; null for the host.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sender: Option<SenderPayload>,
    /// The text, never markup: escape it where it is shown. Empty after erasure.
    #[cfg_attr(feature = "openapi", schema(value_type = String, examples("Is there snow?")))]
    pub content: Shown,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When the other side read it; null until then.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub read_at: Option<Timestamp>,
    /// The idempotency key of its sender; null if there was none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_message_id: Option<String>,
}

/// The kind of sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A user.
    User,
    /// The host.
    System,
}

/// The sender of a message, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Sender))]
pub struct SenderPayload {
    /// The id of the user.
    pub id: UserId,
    /// The name; empty if unknown.
    #[cfg_attr(feature = "openapi", schema(examples("Ada")))]
    pub name: String,
    /// The URL of the picture; null if there is none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub image: Option<String>,
}

impl MessagePayload {
    /// Combines a message with its sender's profile and the time when it was read.
    pub fn new(
        message: &Message,
        sender: impl FnOnce(&UserId) -> UserProfile,
        read_at: Option<Timestamp>,
    ) -> Self {
        // The host's own keys are not shown to clients.
        let client_key = message
            .idempotency_key
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
            content: Shown::of(message),
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

/// A message that is too large for the transport: clients fetch its content.
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
        let counter = conversation.counters.of(side);
        Self {
            conversation_id: conversation.id,
            side,
            unread_count: counter.unread(),
            unread_version: counter.version(),
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
