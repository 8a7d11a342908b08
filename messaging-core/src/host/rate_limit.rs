//! Rate limits: how often a user may do what costs others something.

use std::time::Duration;

use async_trait::async_trait;

use super::HostError;
use crate::{id::UserId, telemetry::RateLimited, time::Timestamp};

/// Counts what users do, and says when it is too much.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one more of these, at `now`, unless that would exceed the user's limit. A refused call does not count.
    ///
    /// # Errors
    /// When the limiter cannot decide: the call is admitted all the same.
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

/// What is limited, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limited {
    /// Sending a message.
    Send,
    /// Opening a conversation, also one that is there.
    Open,
    /// Reporting.
    Report,
    /// Showing that one types, or stopped.
    Typing,
    /// Repeating a send: looking up a key that was used before, where the send itself is refused or stores nothing.
    Repeat,
}

impl Limited {
    /// Everything that is limited.
    pub const ALL: [Self; 5] = [Self::Send, Self::Open, Self::Report, Self::Typing, Self::Repeat];
}

impl From<Limited> for RateLimited {
    fn from(what: Limited) -> Self {
        match what {
            Limited::Send => Self::Send,
            Limited::Open => Self::Open,
            Limited::Report => Self::Report,
            Limited::Typing => Self::Typing,
            Limited::Repeat => Self::Repeat,
        }
    }
}

/// Whether something may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may, and was counted.
    Admitted,
    /// It may not.
    Refused {
        /// After how long it may, if nothing else is done until then.
        retry_after: Duration,
    },
}
