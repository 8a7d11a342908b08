//! JSON form of audit records.

use messaging_core::{
    ConversationId, Timestamp,
    host::directory::Profiles,
    id::AuditId,
    store::{AuditRecord, AuditedAction},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPayload;

/// An access or action of an admin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPayload {
    id: AuditId,
    at: Timestamp,
    /// The admin.
    actor: PersonPayload,
    #[schema(value_type = AuditedAction)]
    action: &'static str,
    /// The conversation concerned; null if there was none or more than one.
    #[schema(required)]
    conversation_id: Option<ConversationId>,
}

impl AuditPayload {
    pub(crate) fn new(record: AuditRecord, profiles: &Profiles) -> Self {
        Self {
            id: record.id,
            at: record.at,
            actor: PersonPayload::from_profiles(profiles, record.actor_id),
            action: record.action.name(),
            conversation_id: record.conversation_id,
        }
    }
}
