//! An entry of the audit log.

use messaging_core::{
    AuditId, ConversationId, Timestamp,
    host::directory::Profiles,
    store::{AuditRecord, AuditedAction},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPayload;

/// What an admin looked at or did.
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
    /// The conversation that it was about; null when it was about none, or several.
    #[schema(required)]
    conversation_id: Option<ConversationId>,
}

impl AuditPayload {
    pub(crate) fn new(record: AuditRecord, profiles: &Profiles) -> Self {
        Self {
            id: record.id,
            at: record.at,
            actor: PersonPayload::among(profiles, record.actor_id),
            action: record.action.name(),
            conversation_id: record.conversation_id,
        }
    }
}
