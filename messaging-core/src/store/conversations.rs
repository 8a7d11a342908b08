use async_trait::async_trait;

use super::{CommittedEntry, Publisher, StoreError};
use crate::{
    domain::{
        conversation::{
            AccessState, Change, Conversation, ConversationSummary, NewMessage, PreparedOpen, UnreadCounter,
        },
        message::{IdempotencyKey, Message},
        page::{ListCursor, ListScope, PageSize},
        receipt::{MessageRow, Receipt},
        side::Side,
    },
    id::{AgentId, BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// Conversations, messages and receipts. The contract of the [module](super) holds for every method.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Finds the one conversation of the plan's pair, or creates it as [`Conversation::new`] says, and links the plan's
    /// booking to it.
    ///
    /// All concurrent opens of a pair get the same conversation, and exactly one of them created it. An existing
    /// conversation stays as it is, the user who answers for the agent included; only a new link raises its access
    /// version. A booking already linked changes nothing, and keeps its place among the links. A call that creates the
    /// conversation, links the booking, or does both, commits one entry of kind
    /// [`Updated`](super::EntryKind::Updated).
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError>;

    /// The conversation that a key names.
    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError>;

    /// A conversation with its newest booking and its newest message.
    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError>;

    /// The bookings linked to a conversation, the newest link first.
    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError>;

    /// The newest links of several conversations, at most `limit` of each: in the order of `of`, and within a
    /// conversation the newest link first. The default calls [`list_bookings`](Self::list_bookings) for each.
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

    /// A page of a scope's conversations, ordered by (`activity_at`, id), the largest first. A scope without
    /// conversations has an empty page.
    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError>;

    /// The number of conversations in a scope, at most `cap`.
    async fn count_conversations(&self, whose: &ListScope, cap: u64) -> Result<u64, StoreError>;

    /// The sum of the unread counts of a scope's own side. For [`ListScope::All`] only conversations in which that admin
    /// takes part count, each on the admin's side.
    async fn count_unread(&self, whose: &ListScope) -> Result<u64, StoreError>;

    /// At most `limit` conversations of an agent, the smallest id first, from behind `after` on; whichever user answers
    /// for the agent in them.
    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// A page of a history and its conversation, both read at one moment; `None` for an unknown conversation.
    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError>;

    /// The message that a sender has sent in a conversation with a key. The sender `None` is the system, which has keys
    /// of its own.
    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError>;

    /// Stores a message as [`Conversation::append`] says, with an entry of kind
    /// [`Message`](super::EntryKind::Message). Its [extras](crate::domain::message::MessageExtras) are kept whole and
    /// given back wherever the message is.
    ///
    /// The key is looked up first: one that this sender has used in this conversation is answered with
    /// [`Appended::Duplicate`] and changes nothing, even if the access version differs. A step that ends in a `Conflict`
    /// leaves its key unused.
    async fn append(&self, step: &Append) -> Result<Appended, StoreError>;

    /// Moves a read position as [`Conversation::read`] says, with a receipt and an entry of kind
    /// [`Read`](super::EntryKind::Read). A position that does not move is [`Marked::Already`], and nothing is written.
    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError>;

    /// Changes a conversation as [`ChangeState`] says, with an entry of kind
    /// [`Updated`](super::EntryKind::Updated), which keeps the step's [`lost_access`](ChangeState::lost_access).
    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError>;
}

/// What opening found or made.
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

/// What identifies a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationKey {
    /// Its id.
    Id(ConversationId),
    /// Its pair: there is one conversation of a client with an agent.
    Pair {
        /// The client.
        client_id: UserId,
        /// The agent.
        agent_id: AgentId,
    },
    /// A booking that is linked to it. Of several conversations the one that was opened last: ids are UUIDv7s, so it has
    /// the largest id.
    Booking(BookingId),
}

impl From<ConversationId> for ConversationKey {
    fn from(id: ConversationId) -> Self {
        Self::Id(id)
    }
}

/// Which conversations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListScan {
    /// Whose.
    pub scope: ListScope,
    /// From where.
    pub start: ListStart,
    /// At most how many.
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

/// Where a page of a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStart {
    /// At the newest activity.
    Newest,
    /// Behind the cursor's (`activity_at`, id). The conversation that was there may have moved, so it is not looked up.
    After(ListCursor),
    /// Behind that many conversations; the cost grows with the number.
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

/// Which messages to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryScan {
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// Which way, from where.
    pub direction: Direction,
    /// At most how many.
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

/// Which way a page of a history goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The newest messages.
    Newest,
    /// The newest of those with a smaller seq.
    Before(u64),
    /// The oldest of those with a larger seq.
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
    /// Whether more lie in the direction asked for.
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

/// Store a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Append {
    /// Where.
    pub conversation_id: ConversationId,
    /// The access version it was decided on.
    pub access_version: u32,
    /// The message.
    pub message: NewMessage,
    /// Who publishes it.
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

/// What appending did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one for each step, and never kept")]
#[non_exhaustive]
pub enum Appended {
    /// The message is in the store.
    Stored(Stored),
    /// This sender has sent this key here before: the message it made.
    Duplicate(MessageRow),
    /// The access version no longer holds, or there is no such conversation.
    Conflict,
}

/// A message just stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The message, with its seq, positions and time.
    pub message: Message,
    /// The conversation after it.
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

/// Move a read position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarkRead {
    /// Where.
    pub conversation_id: ConversationId,
    /// The access version it was decided on.
    pub access_version: u32,
    /// Whose.
    pub side: Side,
    /// Up to which message of the conversation, this one included.
    pub up_to: MessageId,
    /// When.
    pub now: Timestamp,
    /// Who publishes it.
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

/// What marking did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marked {
    /// The position moved.
    Moved(Moved),
    /// The reader had read as far before: nothing was written.
    Already {
        /// The reader's counter.
        counter: UnreadCounter,
        /// When the reader first read the newest message addressed to them at or before the one named: the time of the
        /// first receipt that covers it. `None` when there is no such message.
        read_at: Option<Timestamp>,
    },
    /// The conversation holds no such message.
    UnknownMessage,
    /// The access version no longer holds, or there is no such conversation.
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

/// Change a conversation.
///
/// Where the access version matches, a store writes [`after`](Self::after) and raises the version, as
/// [`Conversation::set_access`] does. It looks at [`change`](Self::change) for [`Change::Unlink`] alone, which removes a
/// link and raises the version; no other change needs to be known to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeState {
    /// Which.
    pub conversation_id: ConversationId,
    /// The access version it was decided on.
    pub access_version: u32,
    /// How.
    pub change: Change,
    /// Who takes part and who may write, after the change. Where it equals the present state and nothing is unlinked, the
    /// answer is [`AlreadySo`](Changed::AlreadySo).
    pub after: AccessState,
    /// The side whose [`due_at`](crate::domain::digest::DigestMark::due_at) becomes `None`.
    pub not_due: Option<Side>,
    /// The user whose access the change ends. It is kept with the entry until that is published:
    /// [`LoadedEntry::lost_access`](super::LoadedEntry::lost_access).
    pub lost_access: Option<UserId>,
    /// When.
    pub now: Timestamp,
    /// Who publishes it.
    pub publisher: Publisher,
}

impl ChangeState {
    /// The step of a change that was decided on this conversation.
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

/// What changing did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// It is so now, and this is its entry.
    Done(CommittedEntry),
    /// It was so before, or the booking was not linked: nothing was written.
    AlreadySo,
    /// The access version no longer holds, or there is no such conversation.
    Conflict,
}
