//! JSON form of conversations.

use messaging_core::{
    AgentId, BookingId, ConversationId, ConversationView, Side, Timestamp, UserId,
    domain::{conversation::Status, message::Message, shown::Shown, side::PerSide, unread::ReadMark},
    host::directory::{AgentProfile, BookingProfile},
    participant::ConversationDetails,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPayload;

/// A conversation from the caller's point of view.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationPayload {
    id: ConversationId,
    client: PersonPayload,
    agent: AgentPayload,
    /// The most recently linked booking; null if there is none.
    #[schema(required)]
    booking: Option<BookingPayload>,
    /// `closed` takes precedence over `blocked`, and `blocked` over `open`.
    status: Status,
    /// The sides that have blocked the other.
    blocked_by: Vec<Side>,
    /// Whether the caller can send messages now, by the rules of the host, too.
    can_send: bool,
    /// The caller's side; null for an admin.
    #[schema(required)]
    side: Option<Side>,
    /// The read position of each side.
    #[schema(inline)]
    reads: BothSides<Option<ReadPayload>>,
    created_at: Timestamp,
    /// The time of the newest message, or of opening; the sort key of lists.
    last_message_at: Timestamp,
    /// The newest message; null if there is none.
    #[schema(required)]
    last_message: Option<LastMessagePayload>,
    /// The number of messages that the caller has not read.
    unread_count: u64,
    /// Grows with every change of `unreadCount`: of two responses, the one with the greater value is newer.
    unread_version: u64,
}

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedConversation)]
pub(crate) struct ListedPayload {
    #[serde(flatten)]
    conversation: ConversationPayload,
    /// Present if requested: whether the other side is connected, for an admin whether each side is; null if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    presence: Option<BothSides<Option<bool>>>,
}

/// A conversation with all its bookings and presence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationDetails)]
pub(crate) struct DetailsPayload {
    #[serde(flatten)]
    conversation: ConversationPayload,
    /// All linked bookings, newest first.
    bookings: Vec<BookingPayload>,
    /// Whether each side is connected; null if unknown.
    #[schema(inline)]
    presence: BothSides<Option<bool>>,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Agent)]
#[serde(rename_all = "camelCase")]
struct AgentPayload {
    id: AgentId,
    /// The user who represents the agent.
    user_id: UserId,
    /// Empty if unknown.
    #[schema(examples("Alpine Tours"))]
    business_name: String,
    /// The URL of the logo; null if there is none.
    #[schema(required)]
    logo: Option<String>,
}

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Booking)]
#[serde(rename_all = "camelCase")]
struct BookingPayload {
    id: BookingId,
    /// Empty if unknown.
    #[schema(examples("B-1001"))]
    booking_number: String,
    /// What was booked.
    title: String,
    #[schema(inline)]
    tour: TourPayload,
}

#[derive(Debug, Serialize, ToSchema)]
struct TourPayload {
    /// Empty if unknown.
    #[schema(examples("Over the pass"))]
    title: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct BothSides<T> {
    client: T,
    agent: T,
}

/// The read position of a side, and when it last changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadMark)]
#[serde(rename_all = "camelCase")]
struct ReadPayload {
    /// The `seq` of the newest message read.
    up_to_seq: u64,
    read_at: Timestamp,
}

/// The newest message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastMessage)]
#[serde(rename_all = "camelCase")]
struct LastMessagePayload {
    #[schema(minimum = 1)]
    seq: u64,
    #[schema(value_type = String, examples("Is there snow?"))]
    content: Shown,
    created_at: Timestamp,
    /// Null for a system message.
    #[schema(required)]
    sender_id: Option<UserId>,
}

impl From<ConversationView> for ConversationPayload {
    fn from(view: ConversationView) -> Self {
        let (can_send, unread_count, unread_version) =
            (view.can_send(), view.unread_count(), view.unread_version());
        let AgentProfile { business_name, logo } = view.agent;
        let conversation = view.summary.conversation;
        let blocks = |side: &Side| *conversation.blocked_by.of(*side);
        Self {
            status: conversation.status(),
            blocked_by: Side::ALL.into_iter().filter(blocks).collect(),
            reads: PerSide::from_fn(|side| conversation.counters.of(side).last_read.map(Into::into)).into(),
            id: conversation.id,
            client: PersonPayload::new(conversation.client_id, view.client),
            agent: AgentPayload {
                id: conversation.agent_id,
                user_id: conversation.agent_user_id,
                business_name,
                logo,
            },
            booking: view
                .summary
                .booking_id
                .map(|id| BookingPayload::new(id, view.booking)),
            can_send,
            side: view.side,
            created_at: conversation.created_at,
            last_message_at: conversation.activity_at,
            last_message: view
                .summary
                .last_message
                .as_ref()
                .zip(view.last_text)
                .map(|(message, text)| LastMessagePayload::new(message, text)),
            unread_count,
            unread_version,
        }
    }
}

impl ListedPayload {
    pub(crate) fn new(view: ConversationView, online: Option<PerSide<Option<bool>>>) -> Self {
        Self {
            conversation: view.into(),
            presence: online.map(Into::into),
        }
    }
}

impl From<ConversationDetails> for DetailsPayload {
    fn from(details: ConversationDetails) -> Self {
        Self {
            conversation: details.view.into(),
            bookings: details
                .bookings
                .into_iter()
                .map(|(id, profile)| BookingPayload::new(id, profile))
                .collect(),
            presence: details.online.into(),
        }
    }
}

impl BookingPayload {
    fn new(id: BookingId, BookingProfile { number, title, .. }: BookingProfile) -> Self {
        Self {
            id,
            booking_number: number,
            title: title.clone(),
            tour: TourPayload { title },
        }
    }
}

impl LastMessagePayload {
    fn new(message: &Message, text: Shown) -> Self {
        Self {
            seq: message.seq,
            content: text,
            created_at: message.created_at,
            sender_id: message.origin.sender().cloned(),
        }
    }
}

impl From<ReadMark> for ReadPayload {
    fn from(mark: ReadMark) -> Self {
        Self {
            up_to_seq: mark.up_to_seq,
            read_at: mark.at,
        }
    }
}

impl<T> From<PerSide<T>> for BothSides<T> {
    fn from(PerSide { client, agent }: PerSide<T>) -> Self {
        Self { client, agent }
    }
}
