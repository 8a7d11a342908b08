//! A conversation as it is answered.

use messaging_core::{
    AgentId, BookingId, ConversationDetails, ConversationId, ConversationView, Side, Timestamp, UserId,
    domain::{
        conversation::{ReadMark, Status},
        message::Message,
        side::Sides,
    },
    port::directory::{AgentProfile, BookingProfile},
};
use serde::Serialize;

use super::PersonPayload;

/// A conversation, as one caller sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationPayload {
    id: ConversationId,
    client: PersonPayload,
    agent: AgentPayload,
    booking: Option<BookingPayload>,
    status: Status,
    blocked_by: Vec<Side>,
    can_send: bool,
    side: Option<Side>,
    reads: BothSides<Option<ReadPayload>>,
    created_at: Timestamp,
    last_message_at: Timestamp,
    last_message: Option<LastMessagePayload>,
    unread_count: u64,
    unread_version: u64,
}

/// A conversation as it stands in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ListedPayload {
    #[serde(flatten)]
    conversation: ConversationPayload,
    /// Only where it was asked for: whether the other side is connected, for an admin whether each is; null when that
    /// is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<BothSides<Option<bool>>>,
}

/// A conversation with what only its own page shows.
#[derive(Debug, Serialize)]
pub(crate) struct DetailsPayload {
    #[serde(flatten)]
    conversation: ConversationPayload,
    bookings: Vec<BookingPayload>,
    /// Whether each side is connected; null when that is unknown.
    presence: BothSides<Option<bool>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentPayload {
    id: AgentId,
    user_id: UserId,
    business_name: String,
    logo: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BookingPayload {
    id: BookingId,
    booking_number: String,
    tour: TourPayload,
}

#[derive(Debug, Serialize)]
struct TourPayload {
    title: String,
}

#[derive(Debug, Serialize)]
struct BothSides<T> {
    client: T,
    agent: T,
}

/// How far a side has read, and when it did last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadPayload {
    up_to_seq: u64,
    read_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastMessagePayload {
    seq: u64,
    content: String,
    created_at: Timestamp,
    sender_id: Option<UserId>,
}

impl From<ConversationView> for ConversationPayload {
    fn from(view: ConversationView) -> Self {
        let (can_send, unread_count, unread_version) =
            (view.can_send(), view.unread_count(), view.unread_version());
        let AgentProfile { business_name, logo } = view.agent;
        let conversation = view.overview.conversation;
        let blocks = |side: &Side| *conversation.blocked_by.of(*side);
        Self {
            status: conversation.status(),
            blocked_by: Side::ALL.into_iter().filter(blocks).collect(),
            reads: Sides::from_fn(|side| conversation.mailboxes.of(side).last_read.map(Into::into)).into(),
            id: conversation.id,
            client: PersonPayload::new(conversation.client_id, view.client),
            agent: AgentPayload {
                id: conversation.agent_id,
                user_id: conversation.agent_user_id,
                business_name,
                logo,
            },
            booking: view
                .overview
                .booking_id
                .map(|id| BookingPayload::new(id, view.booking)),
            can_send,
            side: view.side,
            created_at: conversation.created_at,
            last_message_at: conversation.activity_at,
            last_message: view.overview.last_message.map(Into::into),
            unread_count,
            unread_version,
        }
    }
}

impl ListedPayload {
    pub(crate) fn new(view: ConversationView, online: Option<Sides<Option<bool>>>) -> Self {
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
    fn new(id: BookingId, BookingProfile { number, tour_title }: BookingProfile) -> Self {
        Self {
            id,
            booking_number: number,
            tour: TourPayload { title: tour_title },
        }
    }
}

impl From<Message> for LastMessagePayload {
    fn from(message: Message) -> Self {
        Self {
            seq: message.seq,
            content: message.body.as_str().to_owned(),
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

impl<T> From<Sides<T>> for BothSides<T> {
    fn from(Sides { client, agent }: Sides<T>) -> Self {
        Self { client, agent }
    }
}
