//! The JSON of events. A message is the same in an event and in an answer of the API.

use serde::Serialize;

use crate::{
    domain::{
        conversation::{Conversation, Status},
        message::{Message, Origin},
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
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place in the conversation, from 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub seq: u64,
    /// Who wrote it: a person, or the host.
    pub kind: MessageKind,
    /// Who wrote it; null for the system.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sender_id: Option<UserId>,
    /// The writer, as shown; null for the system.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sender: Option<SenderPayload>,
    /// The text, never markup: to be escaped where it is shown. Empty where it was erased.
    #[cfg_attr(feature = "openapi", schema(examples("Is there snow?")))]
    pub content: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When the other side read it; null until then.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub read_at: Option<Timestamp>,
    /// The key that its sender gave it; null when there was none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_message_id: Option<String>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A person.
    User,
    /// The host.
    System,
}

/// The writer, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Sender))]
pub struct SenderPayload {
    /// Who.
    pub id: UserId,
    /// Their name; empty when it is not known.
    #[cfg_attr(feature = "openapi", schema(examples("Ada")))]
    pub name: String,
    /// Where their picture is; null when there is none.
    #[cfg_attr(feature = "openapi", schema(required))]
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
