use crate::with::with;
use async_trait::async_trait;

use crate::id::{ConversationId, UserId};
use crate::store::StoreError;

/// Erasing a user. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ErasureStore: Send + Sync {
    /// Looks at so many conversations, in the order of their ids, from behind one of them or (`None`) from the first on:
    /// which are those in which a user stands on a side, or has written. It reads everything that it looks at, and
    /// needs no index for it.
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError>;

    /// Makes a user's messages in a conversation empty, forgets their keys, and puts the
    /// [erased user](crate::domain::erasure::erased_user) of their side in the sender's place; says how many there were. Nothing else of them changes, nor what has been
    /// copied as evidence. It is no event.
    ///
    /// Who stands on a side is replaced before, by [`Change::Erase`](crate::domain::conversation::Change::Erase): from
    /// then on they send nothing.
    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError>;

    /// Erases a user from the reports that are resolved. Where they made one, the
    /// [erased user](crate::domain::erasure::erased_user) of their side is its reporter and what they said is gone; where
    /// one is about them, the erased user of the other side is reported; and copies of their messages are made empty, as
    /// their messages are. Who resolved it, and what they noted, stays. An open report stays as it is. All of it is one
    /// step.
    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError>;

    /// Forgets what is kept of a user and not of a conversation: when they were mailed, what is being mailed, and how
    /// often they have done something.
    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError>;
}

/// In how many reports a user was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErasedReports {
    /// From how many resolved ones they were erased.
    pub erased: u64,
    /// How many are open and still name them, or have copies of their messages.
    pub open: u64,
}

impl ErasedReports {
    with! {
        with_erased erased: u64,
        with_open open: u64,
    }
}

/// Conversations in which a user takes part, or has written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traces {
    /// Among the conversations looked at, in the order of their ids.
    pub conversations: Vec<ConversationId>,
    /// The last one looked at; `None` when there was none.
    pub looked_up_to: Option<ConversationId>,
}
