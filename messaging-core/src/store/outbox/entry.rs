//! The entries of the outbox.

use super::lane::Lane;
use crate::{
    domain::{
        conversation::Conversation,
        receipt::{MessageRow, Receipt},
    },
    id::{BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// The outbox entry that a step has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommittedEntry {
    /// Its number in its conversation, under which [`load_entries`](super::OutboxStore::load_entries) gives it. Always
    /// there, so that a worker that owns the lane can publish the entry from memory.
    pub number: u64,
    /// The lane that begins with it, if the step created one for a [`Publisher::Worker`](super::Publisher::Worker).
    pub lane: Option<Lane>,
}

impl CommittedEntry {
    /// An entry that joined a lane, or whose lane has no owner.
    pub const fn new(number: u64) -> Self {
        Self { number, lane: None }
    }

    /// The same entry with the lane that its step created for its publisher, `None` if it created none.
    pub fn with_lane(self, lane: Option<Lane>) -> Self {
        Self { lane, ..self }
    }
}

/// One event to publish, as a reference to its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its number in the conversation.
    pub number: u64,
    /// The kind of the event.
    pub kind: EntryKind,
    /// The time: the message's `created_at`, the receipt's `read_at`, or the `now` of any other step.
    pub at: Timestamp,
}

impl Entry {
    /// An entry.
    pub fn new(conversation_id: ConversationId, number: u64, kind: EntryKind, at: Timestamp) -> Self {
        Self {
            conversation_id,
            number,
            kind,
            at,
        }
    }
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// The message with this seq was stored.
    Message {
        /// The seq.
        seq: u64,
    },
    /// A side read up to this seq.
    Read {
        /// The side.
        side: crate::domain::side::Side,
        /// The seq.
        up_to_seq: u64,
    },
    /// The conversation was opened, linked to a booking, or changed.
    Updated,
}

/// An entry with the data needed to publish it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedEntry {
    /// The entry.
    pub entry: Entry,
    /// The current conversation.
    pub conversation: Conversation,
    /// The subject of the entry.
    pub subject: Subject,
    /// The user whose access to the conversation this change has ended, by a reassignment or an erasure. Stored with
    /// the entry, since the conversation no longer names the user when another process publishes. Removed with the
    /// entry, and not kept in a dead letter.
    pub lost_access: Option<UserId>,
}

impl LoadedEntry {
    /// An entry that ended no access.
    pub fn new(entry: Entry, conversation: Conversation, subject: Subject) -> Self {
        Self {
            entry,
            conversation,
            subject,
            lost_access: None,
        }
    }

    with! {
        with_lost_access lost_access: Option<UserId>,
    }
}

/// The subject of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The message.
    Message(MessageRow),
    /// The receipt, and the messages that it newly covers.
    Read {
        /// The receipt.
        receipt: Receipt,
        /// The ids of the messages that this receipt covers and the reader's previous receipt does not, oldest first. Only
        /// messages of users of the other side: no system messages. If there are more than
        /// [`MAX_READ_IDS`](Self::MAX_READ_IDS), the newest of them.
        message_ids: Vec<MessageId>,
    },
    /// The conversation's state.
    Updated {
        /// The most recently linked booking.
        booking_id: Option<BookingId>,
    },
}

impl Subject {
    /// The maximum number of messages in a receipt's event.
    pub const MAX_READ_IDS: usize = 100;
}
