use std::collections::BTreeMap;

use async_trait::async_trait;
use messaging_core::{
    domain::{erasure::erased_user, side::Side},
    id::{ConversationId, ReportId, UserId},
    store::{ErasedReports, ErasureStore, StoreError, Traces},
};
use sqlx::{Error, Row, SqliteConnection};
use uuid::Uuid;

use super::{
    SqliteStore,
    error::{corrupt, failed},
    rows,
    writer::Step,
};
use crate::codes::{limit, side_of_code};

#[async_trait]
impl ErasureStore for SqliteStore {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        const DOING: &str = "listing a user's traces";
        let mut connection = self.reader(DOING).await?;
        let traces = traces(&mut connection, of, after, conversations).await;
        traces.map_err(failed(DOING))
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        self.write(EraseMessages(in_conversation, of.clone())).await
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        self.write(EraseFromReports(user_id.clone())).await
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
    SET body = '', extras = NULL, idempotency_key = NULL, sender_id = CASE from_side WHEN 1 THEN ? ELSE ? END
    WHERE conversation_id = ? AND sender_id = ?";
pub(super) const FORGET: [&str; 3] = [
    "DELETE FROM digest_user WHERE user_id = ?",
    "DELETE FROM digest_user_extent WHERE user_id = ?",
    "DELETE FROM digest_user_sent WHERE user_id = ?",
];

/// The reports that a user made, those about the user, and those with copies of the user's messages; a report
/// may occur repeatedly.
pub(super) const REPORTS: [&str; 3] = [
    "SELECT id, conversation_id, reporter_side, status FROM report WHERE reporter_id = ?",
    "SELECT id, conversation_id, reporter_side, status FROM report WHERE reported_id = ?",
    "SELECT r.id, r.conversation_id, r.reporter_side, r.status
        FROM evidence e JOIN report r ON r.id = e.report_id WHERE e.sender_id = ?",
];
pub(super) const DELETE_COMPLAINT: &str = "DELETE FROM complaint
    WHERE report_id = (SELECT id FROM report WHERE id = ?1 AND reporter_id = ?2)";
/// `?3` and `?4` the replacement ids on the client's and on the agent's side, `?5` on the reporter's and `?6`
/// on the other.
pub(super) const ERASE_FROM_REPORT: [&str; 2] = [
    "UPDATE report SET reporter_id = CASE reporter_id WHEN ?2 THEN ?5 ELSE reporter_id END,
        reported_id = CASE reported_id WHEN ?2 THEN ?6 ELSE reported_id END WHERE id = ?1",
    "UPDATE evidence SET body = '', extras = NULL, sender_id = CASE from_side WHEN 1 THEN ?3 ELSE ?4 END
        WHERE report_id = ?1 AND sender_id = ?2",
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
    const DOING: &'static str = "erasing a user's messages";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<u64, Error> {
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

struct EraseFromReports(UserId);

impl Step for EraseFromReports {
    type Answer = ErasedReports;
    const DOING: &'static str = "erasing a user from reports";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<ErasedReports, Error> {
        let Self(user) = self;
        let mut found = BTreeMap::new();
        for sql in REPORTS {
            for row in sqlx::query(sql).bind(user.as_str()).fetch_all(&mut *tx).await? {
                found.insert(ReportId::new(row.try_get::<Uuid, _>("id")?), row);
            }
        }
        let mut reports = ErasedReports::default();
        for (id, row) in found {
            if row.try_get::<i64, _>("status")? == 0 {
                reports.open += 1;
                continue;
            }
            let reporter = side_of_code(row.try_get("reporter_side")?);
            let reporter = reporter.ok_or_else(|| corrupt("a stored report has no side"))?;
            erase_from_report(tx, id, rows::conversation_id(&row)?, reporter, &user).await?;
            reports.erased += 1;
        }
        Ok(reports)
    }
}

async fn erase_from_report(
    tx: &mut SqliteConnection,
    id: ReportId,
    of: ConversationId,
    reporter: Side,
    user: &UserId,
) -> Result<(), Error> {
    sqlx::query(DELETE_COMPLAINT)
        .bind(id.as_uuid())
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    for sql in ERASE_FROM_REPORT {
        sqlx::query(sql)
            .bind(id.as_uuid())
            .bind(user.as_str())
            .bind(erased_user(of, Side::Client).to_string())
            .bind(erased_user(of, Side::Agent).to_string())
            .bind(erased_user(of, reporter).to_string())
            .bind(erased_user(of, reporter.other()).to_string())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

struct Forget(UserId);

impl Step for Forget {
    type Answer = ();
    const DOING: &'static str = "forgetting a user";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for sql in FORGET {
            sqlx::query(sql).bind(self.0.as_str()).execute(&mut *tx).await?;
        }
        Ok(())
    }
}
