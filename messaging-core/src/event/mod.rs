//! What is said on which channel.

mod payload;
mod project;

pub use crate::domain::channel::{
    Channel, ChannelName, ChannelNames, InvalidChannelName, InvalidPrefix, InvalidSocketId, SocketId,
    UserDigest,
};
pub use crate::domain::event::Event;
pub use payload::{MessageKind, MessagePayload, SenderPayload};
pub(crate) use project::{project, typing};

/// What someone at the keyboard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// They began to type, or still do.
    Started,
    /// They stopped.
    Stopped,
}

/// The names of events.
pub mod name {
    /// A message was stored.
    pub const NEW_MESSAGE: &str = "new-message";
    /// A side read messages.
    pub const MESSAGE_READ: &str = "message-read";
    /// The user's own unread count changed because they read.
    pub const UNREAD_CHANGED: &str = "unread-changed";
    /// A conversation was opened, or its state or booking changed.
    pub const CONVERSATION_UPDATED: &str = "conversation-updated";
    /// Someone began to type.
    pub const TYPING_START: &str = "typing-start";
    /// Someone stopped typing.
    pub const TYPING_STOP: &str = "typing-stop";
}
