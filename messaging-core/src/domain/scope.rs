//! Scopes: whose conversations a list or a total is about.

use crate::{
    actor::{Actor, Role},
    id::{AgentId, UserId},
};

/// The conversations of a list or a total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListScope {
    /// The conversations in which this user is the client.
    Client(UserId),
    /// The conversations of this agent for which this user answers.
    Agent {
        /// The agent.
        agent_id: AgentId,
        /// The user.
        user_id: UserId,
    },
    /// All conversations, as seen by this admin; the admin's total counts those in which the admin takes part.
    All(UserId),
}

impl ListScope {
    /// The scope of an actor's list.
    pub fn of(actor: &Actor) -> Self {
        let user_id = actor.user_id().clone();
        match actor.role() {
            Role::Client => Self::Client(user_id),
            Role::Agent { agent_id } => Self::Agent {
                agent_id: agent_id.clone(),
                user_id,
            },
            Role::Admin => Self::All(user_id),
        }
    }

    /// A text that is unique to this scope: its parts are separated by a space, which no id contains.
    pub(super) fn tag(&self) -> Vec<u8> {
        match self {
            Self::Client(user_id) => format!("c {user_id}"),
            Self::Agent { agent_id, user_id } => format!("a {agent_id} {user_id}"),
            Self::All(user_id) => format!("* {user_id}"),
        }
        .into_bytes()
    }
}
