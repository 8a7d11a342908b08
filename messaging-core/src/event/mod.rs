//! Events: names, payloads, and the channels they are published on.

mod payload;
mod project;

pub use crate::domain::channel::{
    Channel, ChannelName, ChannelNames, InvalidChannelName, InvalidPrefix, InvalidSocketId, SocketId,
    UserDigest,
};
pub use crate::domain::event::Event;
pub use payload::{MessageKind, MessagePayload, SenderPayload};
pub(crate) use project::{project, typing};

/// A change of a user's typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// The user has begun to type, or is still typing.
    Started,
    /// The user has stopped typing.
    Stopped,
}

/// The names of events.
pub mod name {
    /// A message was stored.
    pub const NEW_MESSAGE: &str = "new-message";
    /// A side read messages.
    pub const MESSAGE_READ: &str = "message-read";
    /// The user's own unread count changed because the user read.
    pub const UNREAD_CHANGED: &str = "unread-changed";
    /// A conversation was opened, or its state or booking changed.
    pub const CONVERSATION_UPDATED: &str = "conversation-updated";
    /// A user began to type.
    pub const TYPING_START: &str = "typing-start";
    /// A user stopped typing.
    pub const TYPING_STOP: &str = "typing-stop";
}
