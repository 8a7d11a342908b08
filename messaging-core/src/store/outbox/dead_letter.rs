//! Dead letters, and publishing them again.

use super::{
    entry::{CommittedEntry, Entry},
    lane::Publisher,
};
use crate::{id::ConversationId, time::Timestamp, with::with};

/// A dead letter: an event that the transport refused permanently. Clients recover by refetching.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The entry.
    pub entry: Entry,
    /// The text of the refusal.
    pub why: String,
    /// When it became a dead letter.
    pub at: Timestamp,
}

impl DeadLetter {
    /// A dead letter.
    pub fn new(entry: Entry, why: String, at: Timestamp) -> Self {
        Self { entry, why, at }
    }
}

impl DeadLetter {
    /// Its position among all dead letters.
    pub fn position(&self) -> DeadLetterPosition {
        DeadLetterPosition {
            at: self.at,
            conversation_id: self.entry.conversation_id,
            number: self.entry.number,
        }
    }
}

/// The position of a dead letter, ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterPosition {
    /// When it became a dead letter.
    pub at: Timestamp,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The entry's number in the conversation.
    pub number: u64,
}

/// A dead letter to publish again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requeue {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The entry's number in the conversation.
    pub number: u64,
    /// The current time, which becomes the time of the new entry.
    pub now: Timestamp,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl Requeue {
    /// The step.
    pub fn new(conversation_id: ConversationId, number: u64, now: Timestamp, publisher: Publisher) -> Self {
        Self {
            conversation_id,
            number,
            now,
            publisher,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_publisher publisher: Publisher,
    }
}

/// The outcome of requeueing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requeued {
    /// The event is unpublished again, as this entry.
    Done(CommittedEntry),
    /// There is no such dead letter, or no longer.
    NotFound,
}
