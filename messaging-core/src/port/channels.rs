//! Channels: signing a subscription.

use serde::Serialize;

use super::PortError;
use crate::{
    event::{ChannelName, SocketId},
    id::UserId,
};

/// Signs subscriptions that have been decided on. It decides nothing itself.
pub trait Channels: Send + Sync {
    /// The answer with which a client proves to the realtime server that it may subscribe. Member data are
    /// signed into a presence channel's answer, and never into a private channel's.
    ///
    /// # Errors
    /// When the adapter's configuration does not allow signing.
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, PortError>;
}

/// Who subscribes to what, from which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The connection.
    pub socket_id: SocketId,
    /// The channel.
    pub channel: ChannelName,
    /// The person.
    pub member: Member,
}

/// A person as the other members of a presence channel see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Their name; may be blank.
    pub name: String,
}

/// The signed answer, as the protocol's clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelAuth {
    /// `<key>:<signature>`.
    pub auth: String,
    /// What was signed about the member, byte for byte; presence channels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<String>,
}
