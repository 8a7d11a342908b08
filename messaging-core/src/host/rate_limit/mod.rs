//! Rate limits: how often a user may perform actions that cost others resources or attention.

mod process;
mod quota;

use std::time::Duration;

use async_trait::async_trait;

pub use process::{ProcessLimiter, Unlimited};
pub use quota::{Quota, RateLimits};

use super::HostError;
use crate::{id::UserId, telemetry::RateLimited, time::Timestamp};

/// Counts users' actions, and refuses them above a limit.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one action at `now`, unless that would exceed the user's limit. A refused action does not count.
    ///
    /// # Errors
    /// A [`HostError`] if the limiter cannot decide: then the action is admitted.
    async fn admit(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<Admission, HostError>;

    /// Takes back one admission of these, at `now`, because the call stored nothing: it repeated an earlier one. Called at
    /// most once for each admission. By default nothing happens, and the repeat counts.
    ///
    /// # Errors
    /// When it cannot be taken back: the call keeps counting.
    async fn give_back(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<(), HostError> {
        let _ = (user_id, what, now);
        Ok(())
    }
}

/// The kinds of limited actions, each with its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limited {
    /// Sending a message.
    Send,
    /// Opening a conversation, including an existing one.
    Open,
    /// Reporting.
    Report,
    /// Notifying the other side that the user is typing or has stopped.
    Typing,
    /// Repeating a send: looking up a key that was used before, where the send itself is refused or stores nothing.
    Repeat,
}

impl Limited {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Send, Self::Open, Self::Report, Self::Typing, Self::Repeat];
}

impl From<Limited> for RateLimited {
    fn from(what: Limited) -> Self {
        match what {
            // A repeat is a send.
            Limited::Send | Limited::Repeat => Self::Send,
            Limited::Open => Self::Open,
            Limited::Report => Self::Report,
            Limited::Typing => Self::Typing,
        }
    }
}

/// Whether an action is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The action is admitted and was counted.
    Admitted,
    /// The action is refused.
    Refused {
        /// The time after which it is admitted, if the user performs no other action of the kind until then.
        retry_after: Duration,
    },
}
