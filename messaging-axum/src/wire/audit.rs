//! An entry of the audit log.

use messaging_core::{
    AuditId, ConversationId, Timestamp,
    port::{directory::Profiles, store::AuditRecord},
};
use serde::Serialize;

use super::PersonPayload;

/// What an admin looked at or did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPayload {
    id: AuditId,
    at: Timestamp,
    actor: PersonPayload,
    action: &'static str,
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
