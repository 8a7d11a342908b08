use async_trait::async_trait;

use super::StoreError;
use crate::id::{ConversationId, UserId};

/// Forgetting somebody. The contract of the [module](super) holds for every method.
#[async_trait]
pub trait Erasure: Send + Sync {
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

    /// Forgets what is kept of a user and not of a conversation: when they were mailed, what is being mailed, and how
    /// often they have done something.
    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError>;
}

/// Where somebody has left traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Among the conversations looked at, in the order of their ids.
    pub conversations: Vec<ConversationId>,
    /// The last one looked at; `None` when there was none.
    pub looked_up_to: Option<ConversationId>,
}
