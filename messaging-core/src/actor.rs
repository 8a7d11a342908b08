//! Who is calling.

use crate::id::{AgentId, UserId};

/// The caller, as the host authenticated them. The library never authenticates.
///
/// The role decides which list and which total the actor sees, and whether they may open a conversation or
/// moderate. Access to one conversation comes from being its client or its agent's user, in whatever role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    user_id: UserId,
    role: Role,
}

/// In which capacity the actor calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Someone who may ask agents.
    Client,
    /// The user who answers for this agent.
    Agent {
        /// The agent.
        agent_id: AgentId,
    },
    /// Someone of the host's staff.
    Admin,
}

impl Actor {
    /// An actor in a role.
    pub fn new(user_id: UserId, role: Role) -> Self {
        Self { user_id, role }
    }

    /// The person.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The capacity.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Whether the role is [`Role::Admin`].
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
