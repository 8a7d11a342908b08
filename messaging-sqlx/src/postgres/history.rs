//! Messages of one conversation, with their read times.

use messaging_core::{
    domain::{
        message::IdempotencyKey,
        receipt::{MessageRow, Receipt},
        side::Side,
    },
    id::{ConversationId, UserId},
    store::{Direction, HistoryPage, HistoryScan, StoreError},
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::{corrupt, failed},
    rows::{self, last_message, message_columns, message_row_columns, summary_columns},
};
use crate::codes::{self, limit, number, sender_code};

/// Nulls in the place of a conversation and its booking.
macro_rules! no_conversation {
    () => {
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
    };
}

/// `$1` conversation, `$2` seq, `$3` limit. Returns, in one statement and so from one snapshot, the conversation, the
/// messages of a page, and the receipts of each side that cover one of them first: a conversation has an `id`, a message a
/// `conversation_id`, a receipt neither. Unordered.
///
/// The receipts are read as a range of each side, from the first message of the page up to the first receipt that covers
/// its last one.
macro_rules! page {
    ($beyond:literal, $order:literal) => {
        concat!(
            r#"WITH page AS MATERIALIZED (SELECT * FROM "messaging".message m WHERE m.conversation_id = $1 AND m.seq "#,
            $beyond,
            " $2 ORDER BY m.seq ",
            $order,
            " LIMIT $3)
            SELECT ",
            summary_columns!(),
            r#" FROM "messaging".conversation c "#,
            last_message!(),
            " WHERE c.id = $1
            UNION ALL
            SELECT ",
            no_conversation!(),
            message_columns!(),
            " FROM page m
            UNION ALL
            SELECT ",
            no_conversation!(),
            r#"NULL, r.up_to_seq, NULL, s.side, NULL, NULL, NULL, NULL, NULL, r.read_at, NULL, NULL
            FROM (SELECT min(seq) AS first, max(seq) AS last FROM page) p
            CROSS JOIN (VALUES (1::smallint), (2::smallint)) s (side)
            CROSS JOIN LATERAL (SELECT r.up_to_seq, r.read_at FROM "messaging".receipt r
                WHERE r.conversation_id = $1 AND r.side = s.side AND r.up_to_seq >= p.first
                AND r.up_to_seq <= COALESCE((SELECT e.up_to_seq FROM "messaging".receipt e
                    WHERE e.conversation_id = $1 AND e.side = s.side AND e.up_to_seq >= p.last
                    ORDER BY e.up_to_seq LIMIT 1), p.last)
                ORDER BY r.up_to_seq LIMIT $3) r"#
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
    let mut receipts = Vec::new();
    for row in answered {
        if row.try_get::<Option<uuid::Uuid>, _>("id")?.is_some() {
            summary = Some(rows::summary(row)?);
        } else if row.try_get::<Option<uuid::Uuid>, _>("conversation_id")?.is_some() {
            rows.push(MessageRow::unread(rows::message(row)?));
        } else {
            receipts.push(receipt(row)?);
        }
    }
    let Some(summary) = summary else {
        return Ok(None);
    };
    rows.sort_unstable_by_key(|row| row.message.seq);
    for side in Side::ALL {
        let of_side = receipts.iter().filter(|receipt| receipt.side == side);
        show_read(&mut rows, side, of_side.copied().collect());
    }
    let size = scan.limit.get();
    let beyond = rows.len().saturating_sub(size);
    match scan.direction {
        Direction::After(_) => rows.truncate(size),
        Direction::Newest | Direction::Before(_) => drop(rows.drain(..beyond)),
    }
    Ok(Some(HistoryPage::new(summary, rows).with_has_more(beyond > 0)))
}

fn receipt(row: &PgRow) -> Result<Receipt, Error> {
    let side = codes::side_of_code(row.try_get("from_side")?);
    let side = side.ok_or_else(|| corrupt("a stored receipt has no side"))?;
    Ok(Receipt::new(
        side,
        rows::count(row, "seq")?,
        rows::time(row, "sent_at")?,
    ))
}

/// Sets when a side first read each message, of messages in the order of their seqs.
fn show_read(rows: &mut [MessageRow], side: Side, mut receipts: Vec<Receipt>) {
    receipts.sort_unstable_by_key(|receipt| receipt.up_to_seq);
    let mut covering = receipts.iter().peekable();
    for row in rows {
        while covering
            .next_if(|receipt| receipt.up_to_seq < row.message.seq)
            .is_some()
        {}
        *row.read.of_mut(side) = covering.peek().map(|receipt| receipt.read_at);
    }
}
