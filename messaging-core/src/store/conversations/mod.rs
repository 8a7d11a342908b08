//! The required trait of conversations, and its values.

mod append;
mod change;
mod history;
mod list;
mod open;
mod read;

use async_trait::async_trait;

pub use append::{Append, Appended, Stored};
pub use change::{ChangeState, Changed};
pub use history::{Direction, HistoryPage, HistoryScan};
pub use list::{ListPage, ListScan, ListStart};
pub use open::{ConversationKey, Opened};
pub use read::{MarkRead, Marked, Moved};

use crate::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::IdempotencyKey,
        opening::PreparedOpen,
        receipt::MessageRow,
        scope::ListScope,
    },
    id::{AgentId, BookingId, ConversationId, UserId},
    store::{Publisher, StoreError},
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
    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError>;

    /// Sums the unread counts of the scope's side. For [`ListScope::All`] only conversations in which the admin takes
    /// part count, with the admin's side.
    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError>;

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
