use crate::with::with;
use async_trait::async_trait;

use crate::id::{ConversationId, UserId};
use crate::store::StoreError;

/// Erasure of users. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ErasureStore: Send + Sync {
    /// Examines up to `conversations` conversations in the order of their ids, starting after `after` or with the first
    /// (`None`), and lists those in which the user is a participant or has sent a message. Reads every message of these
    /// conversations, and needs no index.
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError>;

    /// Clears the user's messages in a conversation, deletes their idempotency keys, and replaces their sender by the
    /// [erased user](crate::domain::erasure::erased_user) of the side. Returns the number of these messages. All other
    /// fields, and copies of the messages as evidence, stay unchanged. Commits no outbox entry.
    ///
    /// The caller has already replaced the user as a participant with
    /// [`Change::Erase`](crate::domain::change::Change::Erase), so the user sends no further message.
    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError>;

    /// Erases a user from all resolved reports in one step. In each of them:
    ///
    /// - [`reporter_id`](crate::domain::report::Report::reporter_id) or
    ///   [`reported_id`](crate::domain::report::Report::reported_id), if it is the user's id, becomes the [erased
    ///   user](crate::domain::erasure::erased_user) of that side of the conversation;
    /// - the complaints are deleted if the user is the reporter;
    /// - copies of the user's messages are cleared, as the messages are;
    /// - the admin who resolved the report, and the admin's note, stay.
    ///
    /// Open reports stay unchanged.
    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError>;

    /// Deletes data of a user that belongs to no conversation: the times of e-mails, the digest attempt, and rate
    /// limits.
    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError>;
}

/// The number of reports that concern an erased user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErasedReports {
    /// The number of resolved reports from which the user was erased.
    pub erased: u64,
    /// The number of open reports that still name the user, or have copies of their messages.
    pub open: u64,
}

impl ErasedReports {
    with! {
        with_erased erased: u64,
        with_open open: u64,
    }
}

/// Conversations in which a user is a participant or has sent a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traces {
    /// The conversations found among those examined, in the order of their ids.
    pub conversations: Vec<ConversationId>,
    /// The last conversation examined; `None` if there was none.
    pub looked_up_to: Option<ConversationId>,
}
