//! A conversation, as it is stored and as lists show it.

use serde::Serialize;

use super::{
    digest::DigestMark,
    message::Message,
    side::{PerSide, Side},
    unread::UnreadCounter,
};
use crate::{
    id::{AgentId, BookingId, ConversationId, UserId},
    time::Timestamp,
    with::with,
};

/// The one thread between one client and one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The client.
    pub client_id: UserId,
    /// The agent.
    pub agent_id: AgentId,
    /// The user who answers for the agent.
    pub agent_user_id: UserId,
    /// The number that a step was decided on: raised by every block, unblock, close, reopen, reassignment and erasure,
    /// and by every booking that is linked or unlinked.
    pub access_version: u32,
    /// Which sides have blocked the other.
    pub blocked_by: PerSide<bool>,
    /// Whether an admin has closed it.
    pub closed: bool,
    /// The seq of the newest message; 0 without messages.
    pub last_seq: u64,
    /// The number of messages that each side has received and read.
    pub counters: PerSide<UnreadCounter>,
    /// The progress of digests about each side.
    pub digests: PerSide<DigestMark>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The time of the newest message, or of opening. Never decreases.
    pub activity_at: Timestamp,
}

impl Conversation {
    /// A conversation as it is when it is opened, at this time.
    pub fn between(
        id: ConversationId,
        client_id: UserId,
        agent_id: AgentId,
        agent_user_id: UserId,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            client_id,
            agent_id,
            agent_user_id,
            access_version: 0,
            blocked_by: PerSide::default(),
            closed: false,
            last_seq: 0,
            counters: PerSide::default(),
            digests: PerSide::default(),
            created_at,
            activity_at: created_at,
        }
    }

    with! {
        with_access_version access_version: u32,
        with_blocked_by blocked_by: PerSide<bool>,
        with_closed closed: bool,
        with_last_seq last_seq: u64,
        with_counters counters: PerSide<UnreadCounter>,
        with_digests digests: PerSide<DigestMark>,
        with_activity_at activity_at: Timestamp,
    }
}

impl Conversation {
    /// The side of a user; `None` for a user who does not take part.
    pub fn side_of(&self, user_id: &UserId) -> Option<Side> {
        Side::ALL.into_iter().find(|side| self.user(*side) == user_id)
    }

    /// The user on that side.
    pub const fn user(&self, side: Side) -> &UserId {
        match side {
            Side::Client => &self.client_id,
            Side::Agent => &self.agent_user_id,
        }
    }

    /// The status: closed takes precedence over blocked, and blocked over open.
    pub const fn status(&self) -> Status {
        if self.closed {
            Status::Closed
        } else if self.blocked_by.client || self.blocked_by.agent {
            Status::Blocked
        } else {
            Status::Open
        }
    }
}

/// Whether people can write in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Both sides can write.
    Open,
    /// At least one side has blocked the other.
    Blocked,
    /// Neither side can write: the conversation is closed. Takes precedence over `Blocked`.
    Closed,
}

/// A conversation with its newest booking and its newest message, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationSummary {
    /// The conversation.
    pub conversation: Conversation,
    /// The most recently linked booking.
    pub booking_id: Option<BookingId>,
    /// The message with the highest seq.
    pub last_message: Option<Message>,
}

impl ConversationSummary {
    /// A conversation without bookings and messages.
    pub fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            booking_id: None,
            last_message: None,
        }
    }

    with! {
        with_conversation conversation: Conversation,
        with_booking_id booking_id: Option<BookingId>,
        with_last_message last_message: Option<Message>,
    }
}
