//! Messages of one conversation, with their read times.

use messaging_core::{
    domain::{message::IdempotencyKey, receipt::MessageRow},
    id::{ConversationId, UserId},
    store::{Direction, HistoryPage, HistoryScan, StoreError},
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::failed,
    rows::{self, last_message, message_row_columns, summary_columns},
};
use crate::codes::{limit, number, sender_code};

/// `$1` conversation, `$2` seq, `$3` limit. Returns the conversation and the messages of a page, unordered, in
/// one statement and so from one snapshot.
macro_rules! page {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            r#", NULL::timestamptz AS read_by_client, NULL::timestamptz AS read_by_agent
            FROM "messaging".conversation c "#,
            last_message!(),
            " WHERE c.id = $1
            UNION ALL
            SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL, ",
            message_row_columns!(),
            r#" FROM (SELECT * FROM "messaging".message m WHERE m.conversation_id = $1 AND m.seq "#,
            $beyond,
            " $2 ORDER BY m.seq ",
            $order,
            " LIMIT $3) m"
        )
    };
}

pub(super) const BEFORE: &str = page!("<", "DESC");
pub(super) const AFTER: &str = page!(">", "ASC");
pub(super) const SENT: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    r#" FROM "messaging".message m WHERE m.conversation_id = $1 AND m.sender_id = $2 AND m.idempotency_key = $3"#
);

impl PgStore {
    pub(super) async fn page(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        const DOING: &str = "listing messages";
        let (before, after) = (&self.0.statements.before, &self.0.statements.after);
        let (sql, seq) = match scan.direction {
            Direction::Newest => (before, i64::MAX),
            Direction::Before(seq) => (before, number(seq)),
            Direction::After(seq) => (after, number(seq)),
        };
        let statement = sqlx::query(sql.clone())
            .bind(scan.conversation_id.as_uuid())
            .bind(seq)
            .bind(limit(scan.limit.get() + 1));
        let answered = self.read(DOING, statement).await?;
        history(&answered, scan).map_err(failed(DOING))
    }

    /// Finds the message that a sender sent under a key.
    pub(super) async fn sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        const DOING: &str = "finding a message by its key";
        let statement = sqlx::query(self.0.statements.sent.clone())
            .bind(of.as_uuid())
            .bind(sender_code(sender))
            .bind(key.as_str());
        let answered = self.read(DOING, statement).await?;
        let found = answered.first().map(rows::message_row);
        found.transpose().map_err(failed(DOING))
    }
}

fn history(answered: &[PgRow], scan: &HistoryScan) -> Result<Option<HistoryPage>, Error> {
    let mut summary = None;
    let mut rows = Vec::with_capacity(answered.len());
    for row in answered {
        match row.try_get::<Option<uuid::Uuid>, _>("id")? {
            Some(_) => summary = Some(rows::summary(row)?),
            None => rows.push(rows::message_row(row)?),
        }
    }
    let Some(summary) = summary else {
        return Ok(None);
    };
    rows.sort_unstable_by_key(|row| row.message.seq);
    let size = scan.limit.get();
    let beyond = rows.len().saturating_sub(size);
    match scan.direction {
        Direction::After(_) => rows.truncate(size),
        Direction::Newest | Direction::Before(_) => drop(rows.drain(..beyond)),
    }
    Ok(Some(HistoryPage::new(summary, rows).with_has_more(beyond > 0)))
}
