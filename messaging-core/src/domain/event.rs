//! Events, as a transport delivers them.

use super::channel::{ChannelName, SocketId};

/// An event for the subscribers of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The channel.
    pub channel: ChannelName,
    /// The event's name.
    pub name: &'static str,
    /// Its payload, already JSON.
    pub data: String,
    /// A connection that does not receive the event.
    pub except: Option<SocketId>,
}
