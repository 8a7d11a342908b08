//! Storing a message.

use crate::{
    domain::{
        conversation::Conversation,
        message::{Message, NewMessage},
        receipt::MessageRow,
    },
    id::ConversationId,
    store::{CommittedEntry, Publisher},
    with::with,
};

/// A step that stores a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Append {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The access version that the step was decided on.
    pub access_version: u32,
    /// The message.
    pub message: NewMessage,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl Append {
    /// The step of a message that was decided on this access version.
    pub fn new(
        conversation_id: ConversationId,
        access_version: u32,
        message: NewMessage,
        publisher: Publisher,
    ) -> Self {
        Self {
            conversation_id,
            access_version,
            message,
            publisher,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_access_version access_version: u32,
        with_message message: NewMessage,
        with_publisher publisher: Publisher,
    }
}

/// The outcome of appending.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one for each step, and never kept")]
#[non_exhaustive]
pub enum Appended {
    /// The message is in the store.
    Stored(Stored),
    /// This sender has already used the key in this conversation: the message stored with it.
    Duplicate(MessageRow),
    /// The access version has changed, or the conversation does not exist.
    Conflict,
}

/// A message that was just stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The message, with its seq, positions and time.
    pub message: Message,
    /// The conversation after the step.
    pub conversation: Conversation,
    /// Its entry.
    pub entry: CommittedEntry,
}

impl Stored {
    /// A message, the conversation after it, and its entry.
    pub fn new(message: Message, conversation: Conversation, entry: CommittedEntry) -> Self {
        Self {
            message,
            conversation,
            entry,
        }
    }
}
