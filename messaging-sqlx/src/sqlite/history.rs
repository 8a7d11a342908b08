//! Messages of one conversation, with their read times.

use messaging_core::{
    domain::{
        message::{IdempotencyKey, Message},
        receipt::MessageRow,
    },
    id::{ConversationId, MessageId, UserId},
    store::{Direction, HistoryPage, HistoryScan},
};
use sqlx::{Error, SqliteConnection};

use super::{
    conversation_rows,
    rows::{self, message_columns, message_row_columns},
};
use crate::codes::{limit, number, sender_code};

pub(super) const BEFORE: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    " FROM message m WHERE m.conversation_id = ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ?"
);
pub(super) const AFTER: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    " FROM message m WHERE m.conversation_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?"
);
pub(super) const SENT: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    " FROM message m WHERE m.conversation_id = ? AND m.sender_id = ? AND m.idempotency_key = ?"
);
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM message m WHERE m.conversation_id = ? AND m.id = ?"
);

/// Returns a page and the conversation, in a transaction and so from one snapshot.
pub(super) async fn page(
    tx: &mut SqliteConnection,
    scan: &HistoryScan,
) -> Result<Option<HistoryPage>, Error> {
    let Some(summary) = conversation_rows::summary(tx, scan.conversation_id).await? else {
        return Ok(None);
    };
    let (sql, seq) = match scan.direction {
        Direction::Newest => (BEFORE, i64::MAX),
        Direction::Before(seq) => (BEFORE, number(seq)),
        Direction::After(seq) => (AFTER, number(seq)),
    };
    let size = scan.limit.get();
    let found = sqlx::query(sql)
        .bind(scan.conversation_id.as_uuid())
        .bind(seq)
        .bind(limit(size + 1))
        .fetch_all(tx)
        .await?;
    let page = found.iter().take(size).map(rows::message_row);
    let mut rows: Vec<_> = page.collect::<Result<_, _>>()?;
    if sql == BEFORE {
        rows.reverse();
    }
    Ok(Some(
        HistoryPage::new(summary, rows).with_has_more(found.len() > size),
    ))
}

/// Finds the message that a sender sent under a key.
pub(super) async fn sent(
    connection: &mut SqliteConnection,
    of: ConversationId,
    sender: Option<&UserId>,
    key: &IdempotencyKey,
) -> Result<Option<MessageRow>, Error> {
    let found = sqlx::query(SENT)
        .bind(of.as_uuid())
        .bind(sender_code(sender))
        .bind(key.as_str())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(rows::message_row).transpose()
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    of: ConversationId,
    id: MessageId,
) -> Result<Option<Message>, Error> {
    let found = sqlx::query(BY_ID)
        .bind(of.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(rows::message).transpose()
}
