use async_trait::async_trait;

use crate::{domain::side::Side, id::ConversationId, store::StoreError, time::Timestamp};

/// The push notifications sent to devices. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait PushStore: Send + Sync {
    /// Admits and records a push of a message to a side. Returns `true` if neither this message nor a later one has
    /// been pushed to the side, and no message since `not_since`. Of concurrent calls for one message exactly one
    /// returns `true`.
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError>;
}

/// A push of a message to a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushMark {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The side.
    pub side: Side,
    /// The seq of the message.
    pub seq: u64,
    /// The current time.
    pub now: Timestamp,
    /// The push is refused if another one was sent to the side after this time.
    pub not_since: Timestamp,
}

impl PushMark {
    /// A mark.
    pub fn new(
        conversation_id: ConversationId,
        side: Side,
        seq: u64,
        now: Timestamp,
        not_since: Timestamp,
    ) -> Self {
        Self {
            conversation_id,
            side,
            seq,
            now,
            not_since,
        }
    }
}
