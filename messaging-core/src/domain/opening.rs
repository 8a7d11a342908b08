//! Opening: how a conversation begins.

use super::conversation::Conversation;
use crate::{
    id::{AgentId, BookingId, ConversationId, UserId},
    time::Timestamp,
    with::with,
};

/// A prepared opening: the conversation is created, with this id and time, unless the pair has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreparedOpen {
    /// The id of a new conversation.
    pub id: ConversationId,
    /// The client.
    pub client_id: UserId,
    /// The agent.
    pub agent_id: AgentId,
    /// The user who answers for the agent of a new conversation; an existing conversation keeps its own.
    pub agent_user_id: UserId,
    /// A booking to link, already checked to belong to this client and this agent.
    pub booking_id: Option<BookingId>,
    /// The time of the opening.
    pub now: Timestamp,
}

impl PreparedOpen {
    /// A plan without a booking.
    pub fn new(
        id: ConversationId,
        client_id: UserId,
        agent_id: AgentId,
        agent_user_id: UserId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            client_id,
            agent_id,
            agent_user_id,
            booking_id: None,
            now,
        }
    }

    with! {
        with_id id: ConversationId,
        with_client_id client_id: UserId,
        with_agent_id agent_id: AgentId,
        with_agent_user_id agent_user_id: UserId,
        with_booking_id booking_id: Option<BookingId>,
        with_now now: Timestamp,
    }
}

impl Conversation {
    /// Creates the conversation of a prepared opening.
    pub fn new(plan: &PreparedOpen) -> Self {
        Self::between(
            plan.id,
            plan.client_id.clone(),
            plan.agent_id.clone(),
            plan.agent_user_id.clone(),
            plan.now,
        )
    }
}
