//! Realtime: handing events to the server that delivers them.

use std::time::Duration;

use async_trait::async_trait;

use super::{Cause, channels::Channels};
use crate::{
    event::{ChannelName, Event},
    id::UserId,
};

/// Delivers events to whoever is subscribed.
#[async_trait]
pub trait Realtime: Channels {
    /// What one call can carry.
    fn limits(&self) -> Limits;

    /// Hands over a batch in one call: all of it is accepted, in order, or the error says that this call
    /// failed. A batch is never empty and never over the limits.
    ///
    /// # Errors
    /// [`PublishErrorKind`] says whether it is this batch that will not do, or the transport.
    async fn publish(&self, batch: &[Event]) -> Result<(), PublishError>;

    /// Ends a user's subscription to a channel after their access ended; as far as the transport can. Where
    /// [`revoke_scope`](Self::revoke_scope) is the user, it ends all connections of the user, whichever channel is named.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish). What is busy or down is tried again, for a minute at most; any other failure is
    /// noted and passed over.
    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), PublishError>;

    /// What a call of [`revoke`](Self::revoke) ends: by default the subscription that it names.
    fn revoke_scope(&self) -> RevokeScope {
        RevokeScope::Subscription
    }

    /// Ends this one subscription of a user who keeps their access to the conversation: presence, while the other side
    /// blocks them. Does nothing by default: a transport that can only end whole connections leaves it, so that a block
    /// throws nobody out, and the subscription lasts until its connection ends.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); the caller only notes it.
    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), PublishError> {
        let _ = (user_id, channel);
        Ok(())
    }
}

/// What a transport ends when it [revokes](Realtime::revoke).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokeScope {
    /// One subscription of a user. It is called for each conversation and channel.
    Subscription,
    /// All connections of a user, who connects again and is authorised anew. One call is made for all that a user has lost
    /// by then, and by each process at most one in 10 s.
    User,
}

/// What one call can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most events; at least 1.
    pub events_per_call: usize,
    /// The most bytes of one event's data; larger events go truncated.
    pub data_bytes: usize,
}

/// Why a call to the transport failed.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct PublishError {
    kind: PublishErrorKind,
    #[source]
    source: Cause,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishErrorKind {
    /// The transport refused what it was given (400, 413). The same events will be refused again.
    #[error("the transport refused the events")]
    Refused,
    /// The transport asks for patience (429).
    #[error("the transport is busy")]
    Busy {
        /// How long, if it said so.
        retry_after: Option<Duration>,
    },
    /// No answer, or a failure of the transport (time-out, lost connection, 5xx). It may have accepted.
    #[error("the transport is down")]
    Down,
    /// The transport does not accept us (401, 403). Trying again at speed helps nobody.
    #[error("the transport does not accept our credentials")]
    Misconfigured,
}

impl PublishError {
    /// An error with its cause.
    pub fn new(kind: PublishErrorKind, source: impl Into<Cause>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// What can be done about it.
    pub fn kind(&self) -> PublishErrorKind {
        self.kind
    }
}
