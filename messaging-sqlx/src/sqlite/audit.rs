use async_trait::async_trait;
use messaging_core::{
    id::{AuditId, ConversationId},
    store::{AuditRecord, AuditStore, AuditedAction, StoreError},
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    SqliteStore,
    error::{corrupt, failed},
    rows,
    writer::Step,
};
use crate::codes::limit;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.write(Record(record.clone())).await
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        rows: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        const DOING: &str = "listing the accesses of admins";
        let mut connection = self.reader(DOING).await?;
        let found = list(&mut connection, before, rows).await;
        found.map_err(failed(DOING))
    }
}

/// Ignores a record that exists: its first insert was committed, but the caller did not receive the answer.
pub(super) const RECORD: &str =
    "INSERT OR REPLACE INTO audit (id, at, actor_id, action, conversation_id) VALUES (?, ?, ?, ?, ?)";
/// Every id is smaller than a blob of 17 bytes that starts with 16 bytes of 255.
pub(super) const LIST: &str = "SELECT id, at, actor_id, action, conversation_id FROM audit
    WHERE id < COALESCE(?, x'ffffffffffffffffffffffffffffffffff') ORDER BY id DESC LIMIT ?";

struct Record(AuditRecord);

impl Step for Record {
    type Answer = ();
    const DOING: &'static str = "recording an access of an admin";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        let Self(record) = self;
        sqlx::query(RECORD)
            .bind(record.id.as_uuid())
            .bind(record.at.as_millis())
            .bind(record.actor_id.as_str())
            .bind(record.action.name())
            .bind(record.conversation_id.map(|id| id.as_uuid()))
            .execute(tx)
            .await?;
        Ok(())
    }
}

async fn list(
    connection: &mut SqliteConnection,
    before: Option<AuditId>,
    rows: usize,
) -> Result<Vec<AuditRecord>, Error> {
    let found = sqlx::query(LIST)
        .bind(before.map(|id| id.as_uuid()))
        .bind(limit(rows))
        .fetch_all(connection)
        .await?;
    found.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<AuditRecord, Error> {
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
