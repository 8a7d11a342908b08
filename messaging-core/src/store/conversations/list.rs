//! Listing conversations.

use crate::{
    domain::{conversation::ConversationSummary, cursor::ListCursor, page::PageSize, scope::ListScope},
    with::with,
};

/// The conversations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListScan {
    /// The scope.
    pub scope: ListScope,
    /// The start of the page.
    pub start: ListStart,
    /// The maximum number of conversations.
    pub limit: PageSize,
}

impl ListScan {
    /// A scan for a page.
    pub fn new(scope: ListScope, start: ListStart, limit: PageSize) -> Self {
        Self { scope, start, limit }
    }

    with! {
        with_start start: ListStart,
    }
}

/// The start of a page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStart {
    /// At the newest activity.
    Newest,
    /// After the cursor's (`activity_at`, id). The conversation at the cursor may have moved, so it is not looked up.
    After(ListCursor),
    /// After that many conversations; the cost grows with the number.
    Skip(usize),
}

/// A page of a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// The conversations, newest activity first.
    pub rows: Vec<ConversationSummary>,
    /// Whether more follow.
    pub has_more: bool,
}

impl ListPage {
    /// The last page.
    pub fn new(rows: Vec<ConversationSummary>) -> Self {
        Self {
            rows,
            has_more: false,
        }
    }

    with! {
        with_has_more has_more: bool,
    }
}
