//! Reading a history.

use crate::{
    domain::{conversation::ConversationSummary, page::PageSize, receipt::MessageRow},
    id::ConversationId,
    with::with,
};

/// The messages to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryScan {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The direction and the start of the page.
    pub direction: Direction,
    /// The maximum number of messages.
    pub limit: PageSize,
}

impl HistoryScan {
    /// A scan for a page.
    pub fn new(conversation_id: ConversationId, direction: Direction, limit: PageSize) -> Self {
        Self {
            conversation_id,
            direction,
            limit,
        }
    }
}

/// The direction and the start of a page of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The newest messages.
    Newest,
    /// The newest messages with a smaller seq.
    Before(u64),
    /// The oldest messages with a larger seq.
    After(u64),
}

/// A page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The conversation at the same moment.
    pub summary: ConversationSummary,
    /// The messages, oldest first.
    pub rows: Vec<MessageRow>,
    /// Whether more messages follow in the requested direction.
    pub has_more: bool,
}

impl HistoryPage {
    /// A page behind which nothing lies.
    pub fn new(summary: ConversationSummary, rows: Vec<MessageRow>) -> Self {
        Self {
            summary,
            rows,
            has_more: false,
        }
    }

    with! {
        with_has_more has_more: bool,
    }
}
