//! Realtime: handing events to the server that delivers them.

use async_trait::async_trait;

use super::{TransportError, channels::Channels};
use crate::{
    domain::{channel::ChannelName, event::Event},
    id::UserId,
};

/// Delivers events to subscribers.
#[async_trait]
pub trait Realtime: Channels {
    /// What one call can carry.
    fn limits(&self) -> Limits;

    /// Hands over a batch in one call: all of it is accepted, in order, or the error says that this call
    /// failed. A batch is never empty and never over the limits.
    ///
    /// # Errors
    /// [`Refused`](super::TransportErrorKind::Refused) if this batch will not do, [`Busy`](super::TransportErrorKind::Busy),
    /// [`Unavailable`](super::TransportErrorKind::Unavailable), [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown) and
    /// [`Misconfigured`](super::TransportErrorKind::Misconfigured). The relay treats `Unavailable` and `OutcomeUnknown` alike,
    /// since clients drop events that they have already, and [`Deferred`](super::TransportErrorKind::Deferred) as `Busy`.
    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError>;

    /// Ends a user's subscription to a channel after their access ended; as far as the transport can. Where
    /// [`revoke_scope`](Self::revoke_scope) is the user, it ends all connections of the user, whichever channel is named.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish). It is tried again, for a minute at most, unless the kind is `Refused` or
    /// `Misconfigured`: such a failure is noted and passed over.
    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError>;

    /// What a call of [`revoke`](Self::revoke) ends: by default the subscription that it names.
    fn revoke_scope(&self) -> RevokeScope {
        RevokeScope::Subscription
    }

    /// Ends this one subscription of a user who keeps their access to the conversation: presence, while the other side
    /// blocks them. Does nothing by default: a transport that can only end whole connections leaves it, so that a block
    /// ends no connection, and the subscription lasts until its connection ends.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); the caller only notes it.
    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
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
