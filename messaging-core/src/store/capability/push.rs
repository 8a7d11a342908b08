use async_trait::async_trait;

use crate::{domain::side::Side, id::ConversationId, store::StoreError, time::Timestamp};

/// The push notifications sent to devices. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait PushStore: Send + Sync {
    /// Records a push of a message to a side, and returns `true`. Returns `false` and records nothing if the side has had
    /// a push of this message, of a later message, or of any message at a time after
    /// [`not_since`](PushMark::not_since). Of concurrent calls for one message exactly one returns `true`.
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
    /// A push recorded after this time, however old its message, prevents this one; a push at exactly this time does not.
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
