use async_trait::async_trait;
use messaging_core::{
    domain::{erasure::erased_user, side::Side},
    id::{ConversationId, UserId},
    store::{ErasedReports, ErasureStore, StoreError, Traces},
};
use sqlx::Row;

use super::{PgStore, error::failed, rows};
use crate::codes::limit;

#[async_trait]
impl ErasureStore for PgStore {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        const DOING: &str = "listing a user's traces";
        let statement = sqlx::query(self.0.statements.traces.clone())
            .bind(of.as_str())
            .bind(after.map(|id| id.as_uuid()))
            .bind(limit(conversations));
        let mut traces = Traces::default();
        for row in self.read(DOING, statement).await? {
            let id = rows::conversation_id(&row, "id").map_err(failed(DOING))?;
            traces.looked_up_to = Some(id);
            if row.try_get("is_trace").map_err(failed(DOING))? {
                traces.conversations.push(id);
            }
        }
        Ok(traces)
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        const DOING: &str = "erasing a user's messages";
        let statement = sqlx::query(self.0.statements.erase_messages.clone())
            .bind(in_conversation.as_uuid())
            .bind(of.as_str())
            .bind(erased_user(in_conversation, Side::Client).to_string())
            .bind(erased_user(in_conversation, Side::Agent).to_string());
        let answered = self.write(DOING, statement).await?;
        let erased = answered.first().map_or(Ok(0), |row| rows::count(row, "erased"));
        erased.map_err(failed(DOING))
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        const DOING: &str = "erasing a user from reports";
        let statement = sqlx::query(self.0.statements.erase_from_reports.clone()).bind(user_id.as_str());
        let answered = self.write(DOING, statement).await?;
        let Some(row) = answered.first() else {
            return Ok(ErasedReports::default());
        };
        Ok(ErasedReports::default()
            .with_erased(rows::count(row, "erased").map_err(failed(DOING))?)
            .with_open(rows::count(row, "open").map_err(failed(DOING))?))
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        let statement = sqlx::query(self.0.statements.forget_user.clone()).bind(user_id.as_str());
        self.write("forgetting a user", statement).await.map(drop)
    }
}

/// `$1` user, `$2` after which conversation, `$3` limit.
pub(super) const TRACES: &str = r#"
SELECT c.id, c.client_id = $1 OR c.agent_user_id = $1
    OR (SELECT true FROM "messaging".message m WHERE m.conversation_id = c.id AND m.sender_id = $1 LIMIT 1)
        IS NOT NULL AS is_trace
FROM (
    SELECT id, client_id, agent_user_id FROM "messaging".conversation
    WHERE id > COALESCE($2::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT $3
) c ORDER BY c.id"#;
/// `$1` conversation, `$2` user, `$3` and `$4` the replacement ids on the client's and on the agent's side.
pub(super) const ERASE_MESSAGES: &str = r#"
WITH erased AS (
    UPDATE "messaging".message SET body = '', extras = NULL, idempotency_key = NULL,
        sender_id = CASE from_side WHEN 1 THEN $3 ELSE $4 END
    WHERE conversation_id = $1 AND sender_id = $2 RETURNING true
)
SELECT count(*) AS erased FROM erased"#;
/// `$1` user. No user is on both sides of a report, so the parts change disjoint rows. The replacement ids are
/// those of `erased_user`.
pub(super) const ERASE_FROM_REPORTS: &str = r#"
WITH made AS (
    UPDATE "messaging".report SET
        reporter_id = CASE reporter_side WHEN 1 THEN 'erased-client-' ELSE 'erased-agent-' END || conversation_id
    WHERE reporter_id = $1 AND status <> 0 RETURNING id
), about AS (
    UPDATE "messaging".report SET
        reported_id = CASE reporter_side WHEN 1 THEN 'erased-agent-' ELSE 'erased-client-' END || conversation_id
    WHERE reported_id = $1 AND status <> 0 RETURNING id
), said AS (
    DELETE FROM "messaging".complaint c USING made WHERE c.report_id = made.id
), copied AS (
    UPDATE "messaging".evidence e SET body = '', extras = NULL,
        sender_id = CASE e.from_side WHEN 1 THEN 'erased-client-' ELSE 'erased-agent-' END
            || (SELECT r.conversation_id FROM "messaging".report r WHERE r.id = e.report_id LIMIT 1)
    WHERE e.sender_id = $1
        AND (SELECT r.status FROM "messaging".report r WHERE r.id = e.report_id LIMIT 1) <> 0
    RETURNING e.report_id AS id
)
SELECT (SELECT count(*) FROM (SELECT id FROM made UNION SELECT id FROM about UNION SELECT id FROM copied) e) AS erased,
    (SELECT count(*) FROM (SELECT id FROM "messaging".report WHERE reporter_id = $1 AND status = 0
        UNION SELECT id FROM "messaging".report WHERE reported_id = $1 AND status = 0
        UNION SELECT e.report_id FROM "messaging".evidence e WHERE e.sender_id = $1
            AND (SELECT r.status FROM "messaging".report r WHERE r.id = e.report_id LIMIT 1) = 0) o) AS open"#;
pub(super) const FORGET_USER: &str = r#"
WITH mailed AS (DELETE FROM "messaging".digest_user WHERE user_id = $1)
DELETE FROM "messaging".rate WHERE user_id = $1"#;
