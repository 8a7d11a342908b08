//! The actor: the user who calls.

use crate::id::{AgentId, UserId};

/// The caller, as authenticated by the host; the library does not authenticate.
///
/// The role decides which list and total the actor sees, and whether the actor may open conversations or moderate. A
/// user has access to a conversation as its client or as its agent's user, in any role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    user_id: UserId,
    role: Role,
}

/// The role in which the actor calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A client, who may open conversations with agents.
    Client,
    /// The user who answers for this agent.
    Agent {
        /// The agent.
        agent_id: AgentId,
    },
    /// A member of the host's staff.
    Admin,
}

impl Actor {
    /// An actor in a role.
    pub fn new(user_id: UserId, role: Role) -> Self {
        Self { user_id, role }
    }

    /// The user.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The role.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Whether the role is [`Role::Admin`].
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
