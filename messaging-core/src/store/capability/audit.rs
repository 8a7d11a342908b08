use async_trait::async_trait;

use crate::{
    domain::audit::AuditedAction,
    id::{AuditId, ConversationId, UserId},
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// The audit log of admins' accesses and actions. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds a record. The core returns data to the admin only after this has succeeded.
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError>;

    /// Lists records, newest first, starting after the one with id `before`; `None` starts with the newest.
    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;
}

/// One access of an admin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// A UUIDv7, so that the log is in order of time.
    pub id: AuditId,
    /// The time of the access.
    pub at: Timestamp,
    /// The admin.
    pub actor_id: UserId,
    /// The action.
    pub action: AuditedAction,
    /// The conversation; `None` for an action on none or on several.
    pub conversation_id: Option<ConversationId>,
}

impl AuditRecord {
    /// An access that names no conversation.
    pub fn new(id: AuditId, at: Timestamp, actor_id: UserId, action: AuditedAction) -> Self {
        Self {
            id,
            at,
            actor_id,
            action,
            conversation_id: None,
        }
    }

    with! {
        with_id id: AuditId,
        with_conversation_id conversation_id: Option<ConversationId>,
    }
}
