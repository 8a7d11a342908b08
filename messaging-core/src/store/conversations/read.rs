//! Marking messages as read.

use crate::{
    domain::{receipt::Receipt, side::Side, unread::UnreadCounter},
    id::{ConversationId, MessageId},
    store::{CommittedEntry, Publisher},
    time::Timestamp,
    with::with,
};

/// A step that moves a read position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarkRead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The access version that the step was decided on.
    pub access_version: u32,
    /// The reader's side.
    pub side: Side,
    /// The last message to mark as read.
    pub up_to: MessageId,
    /// The time of reading.
    pub now: Timestamp,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl MarkRead {
    /// The step of a reading that was decided on this access version.
    pub fn new(
        conversation_id: ConversationId,
        access_version: u32,
        side: Side,
        up_to: MessageId,
        now: Timestamp,
        publisher: Publisher,
    ) -> Self {
        Self {
            conversation_id,
            access_version,
            side,
            up_to,
            now,
            publisher,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_up_to up_to: MessageId,
        with_publisher publisher: Publisher,
    }
}

/// The outcome of marking as read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marked {
    /// The position moved.
    Moved(Moved),
    /// The position was already at or after the message: nothing was written.
    Already {
        /// The reader's counter.
        counter: UnreadCounter,
        /// When the reader read the named message or, if it is not addressed to the reader, the newest earlier message
        /// that is: the time of the first receipt that covers it. `None` if no message up to the named one is addressed
        /// to the reader.
        read_at: Option<Timestamp>,
    },
    /// The conversation has no such message.
    UnknownMessage,
    /// The access version has changed, or the conversation does not exist.
    Conflict,
}

/// A read position that has just moved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The receipt written.
    pub receipt: Receipt,
    /// The reader's counter after it.
    pub counter: UnreadCounter,
    /// Its entry.
    pub entry: CommittedEntry,
}

impl Moved {
    /// A receipt, the counter after it, and its entry.
    pub fn new(receipt: Receipt, counter: UnreadCounter, entry: CommittedEntry) -> Self {
        Self {
            receipt,
            counter,
            entry,
        }
    }
}
