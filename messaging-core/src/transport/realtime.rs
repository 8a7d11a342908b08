//! Realtime: events to the server that delivers them to clients.

use async_trait::async_trait;

use super::{TransportError, channels::Channels};
use crate::{
    domain::{channel::ChannelName, event::Event},
    id::UserId,
};

/// Delivers events to subscribers.
#[async_trait]
pub trait Realtime: Channels {
    /// The limits of one call.
    fn limits(&self) -> Limits;

    /// Publishes a batch in one call: either all events are accepted, in order, or the call fails. A batch is never
    /// empty and never exceeds the limits.
    ///
    /// # Errors
    /// [`Refused`](super::TransportErrorKind::Refused) if the batch is invalid,
    /// [`Busy`](super::TransportErrorKind::Busy), [`Unavailable`](super::TransportErrorKind::Unavailable),
    /// [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown) and
    /// [`Misconfigured`](super::TransportErrorKind::Misconfigured). The relay treats `Unavailable` and `OutcomeUnknown`
    /// alike, since clients ignore repeated events, and [`Deferred`](super::TransportErrorKind::Deferred) as `Busy`.
    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError>;

    /// Ends a user's subscription to a channel after the user's access has ended, as far as the transport can. If
    /// [`revoke_scope`](Self::revoke_scope) is the user, it ends all connections of the user, whichever channel is
    /// named.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish). The call is retried for at most a minute, unless the kind is `Refused` or
    /// `Misconfigured`: such a failure is logged, and publishing continues.
    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError>;

    /// The scope of [`revoke`](Self::revoke): by default the named subscription.
    fn revoke_scope(&self) -> RevokeScope {
        RevokeScope::Subscription
    }

    /// Ends one subscription of a user who keeps access to the conversation: to the presence channel, while the other
    /// side blocks the user. Does nothing by default: a transport that can only end whole connections does nothing, and
    /// the subscription lasts until its connection ends.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); the caller only logs it.
    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        let _ = (user_id, channel);
        Ok(())
    }
}

/// The scope of a [revocation](Realtime::revoke).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokeScope {
    /// One subscription of a user: one call is made for each conversation and channel.
    Subscription,
    /// All connections of a user, who reconnects and is authorised again. One call covers all access that the user has
    /// lost by then, and each process makes at most one call per user in 10 s.
    User,
}

/// The limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of events; at least 1.
    pub events_per_call: usize,
    /// The maximum size of one event's data in bytes; larger messages are sent without their content.
    pub data_bytes: usize,
}
