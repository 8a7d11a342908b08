use async_trait::async_trait;
use messaging_core::{
    id::{AuditId, ConversationId},
    store::{AuditRecord, AuditStore, AuditedAction, StoreError},
};
use sqlx::{Error, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    PgStore,
    error::{corrupt, failed},
    rows::{self, instant},
};
use crate::codes::limit;

#[async_trait]
impl AuditStore for PgStore {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        const DOING: &str = "recording an access of an admin";
        let statement = sqlx::query(self.0.statements.record.clone())
            .bind(record.id.as_uuid())
            .bind(instant(record.at))
            .bind(record.actor_id.as_str())
            .bind(record.action.name())
            .bind(record.conversation_id.map(|id| id.as_uuid()));
        self.write(DOING, statement).await.map(drop)
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        rows: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        const DOING: &str = "listing the accesses of admins";
        let statement = sqlx::query(self.0.statements.accesses.clone())
            .bind(before.map(|id| id.as_uuid()))
            .bind(limit(rows));
        let found = self.read(DOING, statement).await?;
        let records = found.iter().map(record);
        records.collect::<Result<_, _>>().map_err(failed(DOING))
    }
}

/// Ignores a record that exists: its first insert was committed, but the caller did not receive the answer.
pub(super) const RECORD: &str = r#"INSERT INTO "messaging".audit (id, at, actor_id, action, conversation_id)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING"#;
/// Every id is smaller than the largest UUID.
pub(super) const ACCESSES: &str = r#"SELECT id, at, actor_id, action, conversation_id FROM "messaging".audit
    WHERE id < COALESCE($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY id DESC LIMIT $2"#;

fn record(row: &PgRow) -> Result<AuditRecord, Error> {
    let action = AuditedAction::from_name(row.try_get("action")?);
    let conversation_id: Option<Uuid> = row.try_get("conversation_id")?;
    Ok(AuditRecord::new(
        AuditId::new(row.try_get("id")?),
        rows::time(row, "at")?,
        rows::user_id(row, "actor_id")?,
        action.ok_or_else(|| corrupt("a stored action of an admin is unknown"))?,
    )
    .with_conversation_id(conversation_id.map(ConversationId::new)))
}
