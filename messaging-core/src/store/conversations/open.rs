//! Finding and opening a conversation.

use crate::{
    id::{AgentId, BookingId, ConversationId, UserId},
    store::CommittedEntry,
    with::with,
};

/// The result of opening.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The pair's conversation.
    pub id: ConversationId,
    /// Whether this call created it.
    pub created: bool,
    /// The entry of the opening, of the link or of both; `None` if there was nothing new.
    pub entry: Option<CommittedEntry>,
}

impl Opened {
    /// A conversation that was there, and about which nothing is new.
    pub fn new(id: ConversationId) -> Self {
        Self {
            id,
            created: false,
            entry: None,
        }
    }

    with! {
        with_created created: bool,
        with_entry entry: Option<CommittedEntry>,
    }
}

/// A key that identifies a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationKey {
    /// The conversation's id.
    Id(ConversationId),
    /// The pair: a client has one conversation with an agent.
    Pair {
        /// The client.
        client_id: UserId,
        /// The agent.
        agent_id: AgentId,
    },
    /// A booking that is linked to it. Of several such conversations, the one with the newest link of this booking.
    Booking(BookingId),
}

impl From<ConversationId> for ConversationKey {
    fn from(id: ConversationId) -> Self {
        Self::Id(id)
    }
}
