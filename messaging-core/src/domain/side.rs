//! The two sides of a conversation.

use serde::{Deserialize, Serialize};

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The client's side.
    Client,
    /// The side of the user who answers for the agent.
    Agent,
}

impl Side {
    /// Both sides, the client's first.
    pub const ALL: [Self; 2] = [Self::Client, Self::Agent];

    /// The opposite side.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Agent,
            Self::Agent => Self::Client,
        }
    }
}

/// One value for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PerSide<T> {
    /// The client's value.
    pub client: T,
    /// The agent's value.
    pub agent: T,
}

impl<T> PerSide<T> {
    /// The value of one side.
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Agent => &self.agent,
        }
    }

    /// The value of one side, mutable.
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Agent => &mut self.agent,
        }
    }

    /// Creates a value for each side from a function of the side.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self {
            client: make(Side::Client),
            agent: make(Side::Agent),
        }
    }
}

/// The sides that a system message is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recipients {
    /// One side.
    Side(Side),
    /// Both sides.
    Both,
}

impl Recipients {
    /// Whether that side is addressed.
    pub fn includes(self, side: Side) -> bool {
        match self {
            Self::Side(to) => to == side,
            Self::Both => true,
        }
    }
}
