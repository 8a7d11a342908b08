use async_trait::async_trait;

use crate::{
    domain::{
        conversation::{Conversation, ReadMark},
        side::PerSide,
    },
    id::ConversationId,
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// What a store holds, counted anew, next to the numbers that it keeps. A store only counts: what the counts
/// ought to be is said by [`verify`](crate::verify).
///
/// The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait RecountStore: Send + Sync {
    /// Recounts conversations, by id. Each is of one moment: a step taken meanwhile is in it whole, or not
    /// at all. No step waits for this one.
    ///
    /// Costs in proportion to the messages of these conversations. Of what is counted nothing is taken from
    /// what is kept: not a position from a message, not a number from a conversation.
    ///
    /// # Errors
    /// [`Corrupt`](crate::store::StoreErrorKind::Corrupt) when something cannot even be read.
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError>;
}

/// Which conversations to recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecountScan {
    /// Those with a larger id than this; `None`: from the smallest on.
    pub after: Option<ConversationId>,
    /// Those with no larger id than this; `None`: to the largest.
    pub up_to: Option<ConversationId>,
    /// At most how many.
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

/// A conversation, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recount {
    /// The conversation as it is kept.
    pub conversation: Conversation,
    /// The number kept of its newest event.
    pub events: u64,
    /// How many messages there are.
    pub messages: u64,
    /// The largest seq of a message; 0 without messages.
    pub last_seq: u64,
    /// The time of the message with the largest seq.
    pub newest_at: Option<Timestamp>,
    /// The smallest seq of a message whose time lies before that of the message before it, or of the opening.
    pub first_untimely: Option<u64>,
    /// What there is of each side.
    pub sides: PerSide<SideRecount>,
    /// Its entries in the outbox; `None` when there are none.
    pub unpublished: Option<Unpublished>,
    /// Its lane, if it has one.
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

/// What there is of one side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SideRecount {
    /// How many messages are addressed to it.
    pub addressed: u64,
    /// The smallest seq of a message whose position for this side is not the number of messages addressed to
    /// the side up to and including it.
    pub first_misplaced: Option<u64>,
    /// How many messages addressed to it have a seq up to that of its last receipt.
    pub read: u64,
    /// Its receipt with the largest seq.
    pub last_receipt: Option<ReadMark>,
    /// The smallest seq of a receipt of the side that names no message, is older than the message that it
    /// names or than the receipt before it, or, in a store that keeps positions with receipts, does not have
    /// the position that counting gives that message.
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

/// A conversation's entries in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpublished {
    /// The smallest number.
    pub first: u64,
    /// The largest number.
    pub last: u64,
    /// How many there are: fewer than there are numbers between, when some are dead letters.
    pub count: u64,
}

impl Unpublished {
    /// Entries from the first to the last.
    pub const fn new(first: u64, last: u64, count: u64) -> Self {
        Self { first, last, count }
    }
}

/// What a lane keeps of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneRecount {
    /// The number of its first unpublished event.
    pub head: u64,
    /// The number of its last one; `None` in a store that does not keep it with the lane.
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
