use async_trait::async_trait;

use crate::{domain::side::Side, id::ConversationId, store::StoreError, time::Timestamp};

/// Which notifications have been sent to devices. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait PushStore: Send + Sync {
    /// Records that a message is pushed to a side, and answers whether it may be: neither this message nor a later one
    /// has been pushed to the side, and none has been since `not_since`. Of concurrent calls for one message exactly one
    /// is answered `true`.
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError>;
}

/// A message that is to be pushed to a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushMark {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// To which side.
    pub side: Side,
    /// Which message.
    pub seq: u64,
    /// Now.
    pub now: Timestamp,
    /// None may have been pushed to that side after then.
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
