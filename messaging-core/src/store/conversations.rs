use async_trait::async_trait;

use super::{CommittedEntry, Publisher, StoreError};
use crate::{
    domain::{
        change::{AccessState, Change},
        conversation::{Conversation, ConversationSummary},
        cursor::ListCursor,
        message::{IdempotencyKey, Message, NewMessage},
        opening::PreparedOpen,
        page::PageSize,
        receipt::{MessageRow, Receipt},
        scope::ListScope,
        side::Side,
        unread::UnreadCounter,
    },
    id::{AgentId, BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// Conversations, messages and receipts. The contract of the [module](super) holds for every method.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Finds the conversation of the pair, or creates it as [`Conversation::new`] does, and links the booking to it.
    ///
    /// All concurrent calls for a pair return the same conversation, and exactly one of them creates it. An existing
    /// conversation is not changed, not even its user who answers for the agent; only a new link raises its access
    /// version. A booking that is already linked changes nothing, and keeps its place among the links. A call that
    /// creates the conversation, links the booking or does both commits one entry of kind
    /// [`Updated`](super::EntryKind::Updated).
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError>;

    /// Finds a conversation by a key.
    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError>;

    /// Finds a conversation with its newest booking and its newest message.
    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError>;

    /// Lists the bookings linked to a conversation, the newest link first.
    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError>;

    /// Lists the newest links of several conversations, at most `limit` of each: in the order of `of`, and within a
    /// conversation the newest link first. The default calls [`list_bookings`](Self::list_bookings) for each
    /// conversation.
    async fn list_newest_bookings(
        &self,
        of: &[ConversationId],
        limit: usize,
    ) -> Result<Vec<(ConversationId, BookingId)>, StoreError> {
        let mut newest = Vec::new();
        for id in of {
            let bookings = self.list_bookings(*id).await?;
            newest.extend(bookings.into_iter().take(limit).map(|booking| (*id, booking)));
        }
        Ok(newest)
    }

    /// Lists a page of a scope's conversations, ordered by (`activity_at`, id), largest first.
    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError>;

    /// Counts the conversations in a scope, up to `cap`.
    async fn count_conversations(&self, whose: &ListScope, cap: u64) -> Result<u64, StoreError>;

    /// Sums the unread counts of the scope's side. For [`ListScope::All`] only conversations in which the admin takes
    /// part count, with the admin's side.
    async fn count_unread(&self, whose: &ListScope) -> Result<u64, StoreError>;

    /// Lists up to `limit` conversations of an agent by id, smallest first, starting after `after`; including those in
    /// which another user answers for the agent.
    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// Lists a page of a history, with the conversation at the same moment; `None` for an unknown conversation.
    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError>;

    /// Finds a message by its sender and idempotency key in a conversation. The sender `None` is the system, which has
    /// keys of its own.
    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError>;

    /// Stores a message as [`Conversation::append`] does, with an entry of kind [`Message`](super::EntryKind::Message). Its
    /// [extras](crate::domain::message::MessageExtras) are stored whole and returned wherever the message is.
    ///
    /// The key is looked up first: a key that this sender has used in this conversation returns [`Appended::Duplicate`]
    /// and changes nothing, even if the access version differs. A step that ends in a `Conflict` does not use its key.
    async fn append(&self, step: &Append) -> Result<Appended, StoreError>;

    /// Moves a read position as [`Conversation::read`] does, with a receipt and an entry of kind
    /// [`Read`](super::EntryKind::Read). If the position does not move, the result is [`Marked::Already`], and nothing
    /// is written.
    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError>;

    /// Changes a conversation as [`ChangeState`] describes, with an entry of kind
    /// [`Updated`](super::EntryKind::Updated) that stores the step's [`lost_access`](ChangeState::lost_access).
    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError>;
}

/// The result of opening.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The pair's conversation.
    pub id: ConversationId,
    /// Whether this call created it.
    pub created: bool,
    /// The entry of the opening, of the link or of both; `None` if there was nothing new.
    pub entry: Option<CommittedEntry>,
}

impl Opened {
    /// A conversation that was there, and about which nothing is new.
    pub fn new(id: ConversationId) -> Self {
        Self {
            id,
            created: false,
            entry: None,
        }
    }

    with! {
        with_created created: bool,
        with_entry entry: Option<CommittedEntry>,
    }
}

/// A key that identifies a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationKey {
    /// The conversation's id.
    Id(ConversationId),
    /// The pair: a client has one conversation with an agent.
    Pair {
        /// The client.
        client_id: UserId,
        /// The agent.
        agent_id: AgentId,
    },
    /// A booking that is linked to it. Of several such conversations, the one opened last: it has the largest id, since
    /// ids are UUIDv7s.
    Booking(BookingId),
}

impl From<ConversationId> for ConversationKey {
    fn from(id: ConversationId) -> Self {
        Self::Id(id)
    }
}

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
        /// When the reader first read the newest message addressed to them up to the named one: the time of the first
        /// receipt that covers it. `None` if there is no such message.
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

/// A step that changes a conversation.
///
/// If the access version matches, a store writes [`after`](Self::after) and raises the version, as
/// [`Conversation::set_access`] does. It needs [`change`](Self::change) only for [`Change::Unlink`], which removes a
/// link and raises the version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeState {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The access version that the step was decided on.
    pub access_version: u32,
    /// The change.
    pub change: Change,
    /// The access state after the change. If it equals the current state and no booking is unlinked, the result is
    /// [`AlreadySo`](Changed::AlreadySo).
    pub after: AccessState,
    /// The side whose [`due_at`](crate::domain::digest::DigestMark::due_at) becomes `None`.
    pub not_due: Option<Side>,
    /// The user whose access the change ends. Stored with the entry until it is published:
    /// [`LoadedEntry::lost_access`](super::LoadedEntry::lost_access).
    pub lost_access: Option<UserId>,
    /// The time of the change.
    pub now: Timestamp,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl ChangeState {
    /// Creates the step of a change that was decided on this conversation.
    pub fn new(on: &Conversation, change: Change, now: Timestamp, publisher: Publisher) -> Self {
        let mut changed = on.clone();
        changed.apply(&change);
        Self {
            conversation_id: on.id,
            access_version: on.access_version,
            after: changed.access_state(),
            not_due: match &change {
                Change::Erase(side) => Some(*side),
                _ => None,
            },
            lost_access: on.loses_access(&change).cloned(),
            change,
            now,
            publisher,
        }
    }
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// The change was made, with this entry.
    Done(CommittedEntry),
    /// The change had already been made, or the booking was not linked: nothing was written.
    AlreadySo,
    /// The access version has changed, or the conversation does not exist.
    Conflict,
}
