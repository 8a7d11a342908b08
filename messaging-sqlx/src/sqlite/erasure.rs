use async_trait::async_trait;
use messaging_core::{
    domain::{erasure::erased_user, side::Side},
    id::{ConversationId, UserId},
    port::store::{Erasure, StoreError, Traces},
};
use sqlx::{Error, Row, SqliteConnection};
use uuid::Uuid;

use super::{SqliteStore, error::failed, writer::Step};
use crate::codes::limit;

#[async_trait]
impl Erasure for SqliteStore {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        const DOING: &str = "looking for somebody's traces";
        let mut connection = self.reader(DOING).await?;
        let traces = traces(&mut connection, of, after, conversations).await;
        traces.map_err(failed(DOING))
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        self.write(EraseMessages(in_conversation, of.clone())).await
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        self.write(Forget(user_id.clone())).await
    }
}

/// No id is smaller than an empty blob.
pub(super) const TRACES: &str = "SELECT c.id, c.client_id = ?1 OR c.agent_user_id = ?1
    OR EXISTS (SELECT 1 FROM message m WHERE m.conversation_id = c.id AND m.sender_id = ?1) AS is_trace
    FROM conversation c WHERE c.id > COALESCE(?2, x'') ORDER BY c.id LIMIT ?3";
pub(super) const ERASE: &str = "UPDATE message
    SET body = '', key = NULL, sender_id = CASE from_side WHEN 1 THEN ? ELSE ? END
    WHERE conversation_id = ? AND sender_id = ?";
pub(super) const FORGET: [&str; 3] = [
    "DELETE FROM recipient WHERE user_id = ?",
    "DELETE FROM recipient_extent WHERE user_id = ?",
    "DELETE FROM recipient_sent WHERE user_id = ?",
];

async fn traces(
    connection: &mut SqliteConnection,
    of: &UserId,
    after: Option<ConversationId>,
    conversations: usize,
) -> Result<Traces, Error> {
    let looked = sqlx::query(TRACES)
        .bind(of.as_str())
        .bind(after.map(|id| id.as_uuid()))
        .bind(limit(conversations))
        .fetch_all(connection)
        .await?;
    let mut traces = Traces::default();
    for row in looked {
        let id = ConversationId::new(row.try_get::<Uuid, _>("id")?);
        traces.looked_up_to = Some(id);
        if row.try_get("is_trace")? {
            traces.conversations.push(id);
        }
    }
    Ok(traces)
}

struct EraseMessages(ConversationId, UserId);

impl Step for EraseMessages {
    type Answer = u64;
    const DOING: &'static str = "erasing somebody's messages";

    async fn take(self, tx: &mut SqliteConnection) -> Result<u64, Error> {
        let Self(conversation_id, user_id) = self;
        let erased = sqlx::query(ERASE)
            .bind(erased_user(conversation_id, Side::Client).to_string())
            .bind(erased_user(conversation_id, Side::Agent).to_string())
            .bind(conversation_id.as_uuid())
            .bind(user_id.as_str())
            .execute(tx)
            .await?;
        Ok(erased.rows_affected())
    }
}

struct Forget(UserId);

impl Step for Forget {
    type Answer = ();
    const DOING: &'static str = "forgetting somebody";

    async fn take(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for sql in FORGET {
            sqlx::query(sql).bind(self.0.as_str()).execute(&mut *tx).await?;
        }
        Ok(())
    }
}
