use async_trait::async_trait;

use crate::{
    domain::{conversation::Conversation, side::PerSide, unread::ReadMark},
    id::ConversationId,
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// Recounts of stored data, beside the stored counters. A store only counts; [`verify`](crate::verify) compares.
///
/// The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait RecountStore: Send + Sync {
    /// Recounts conversations in the order of their ids. Each recount is a snapshot: a concurrent step is included as a
    /// whole, or not at all. Other steps do not wait for it.
    ///
    /// The cost is proportional to the number of messages. Counted values are computed from the rows alone, without
    /// stored positions or counters.
    ///
    /// # Errors
    /// [`Corrupt`](crate::store::StoreErrorKind::Corrupt) if a row cannot be read.
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError>;
}

/// The range of conversations to recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecountScan {
    /// Only ids greater than this one; `None` starts with the smallest.
    pub after: Option<ConversationId>,
    /// Only ids up to this one, included; `None` for no upper bound.
    pub up_to: Option<ConversationId>,
    /// The maximum number of conversations.
    pub limit: usize,
}

impl RecountScan {
    /// A scan of the first conversations.
    pub const fn new(limit: usize) -> Self {
        Self {
            after: None,
            up_to: None,
            limit,
        }
    }

    with! {
        with_after after: Option<ConversationId>,
        with_up_to up_to: Option<ConversationId>,
    }
}

/// A conversation with its stored and its counted values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recount {
    /// The conversation as stored.
    pub conversation: Conversation,
    /// The stored number of its newest event.
    pub events: u64,
    /// The number of messages.
    pub messages: u64,
    /// The largest seq of a message; 0 without messages.
    pub last_seq: u64,
    /// The time of the message with the largest seq; `None` without messages.
    pub newest_at: Option<Timestamp>,
    /// The smallest seq of a message whose time is before that of the previous message, or before the conversation was
    /// opened; `None` if there is no such message.
    pub first_untimely: Option<u64>,
    /// The counted values of each side.
    pub sides: PerSide<SideRecount>,
    /// Its outbox entries; `None` without entries.
    pub unpublished: Option<Unpublished>,
    /// Its lane; `None` without one.
    pub lane: Option<LaneRecount>,
}

impl Recount {
    /// A conversation with nothing counted.
    pub fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            events: 0,
            messages: 0,
            last_seq: 0,
            newest_at: None,
            first_untimely: None,
            sides: PerSide::default(),
            unpublished: None,
            lane: None,
        }
    }

    with! {
        with_events events: u64,
        with_messages messages: u64,
        with_last_seq last_seq: u64,
        with_newest_at newest_at: Option<Timestamp>,
        with_first_untimely first_untimely: Option<u64>,
        with_sides sides: PerSide<SideRecount>,
        with_unpublished unpublished: Option<Unpublished>,
        with_lane lane: Option<LaneRecount>,
    }
}

/// The counted values of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SideRecount {
    /// The number of messages addressed to the side.
    pub addressed: u64,
    /// The smallest seq of a message with a wrong position for this side. The right position is the number of messages
    /// addressed to the side, from the first message to this one.
    pub first_misplaced: Option<u64>,
    /// The number of messages addressed to the side with a seq up to that of its last receipt.
    pub read: u64,
    /// Its receipt with the largest seq.
    pub last_receipt: Option<ReadMark>,
    /// The smallest seq of a wrong receipt of this side. A receipt is wrong if it names no message, if its time is before
    /// that of its message or of the previous receipt, or, in a store that keeps positions with receipts, if its position
    /// is not that of its message.
    pub first_wrong_receipt: Option<u64>,
}

impl SideRecount {
    with! {
        with_addressed addressed: u64,
        with_first_misplaced first_misplaced: Option<u64>,
        with_read read: u64,
        with_last_receipt last_receipt: Option<ReadMark>,
        with_first_wrong_receipt first_wrong_receipt: Option<u64>,
    }
}

/// The outbox entries of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpublished {
    /// The smallest entry number.
    pub first: u64,
    /// The largest entry number.
    pub last: u64,
    /// The number of entries; smaller than the range of numbers if some are dead letters.
    pub count: u64,
}

impl Unpublished {
    /// Entries from the first to the last.
    pub const fn new(first: u64, last: u64, count: u64) -> Self {
        Self { first, last, count }
    }
}

/// The stored values of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneRecount {
    /// The number of the first unpublished event.
    pub head: u64,
    /// The number of the last event; `None` in a store that does not store it with the lane.
    pub tail: Option<u64>,
}

impl LaneRecount {
    /// A lane without entries.
    pub fn new(head: u64) -> Self {
        Self { head, tail: None }
    }

    with! {
        with_tail tail: Option<u64>,
    }
}
