//! Conversion between rows and the core's values. An unreadable value is reported as corrupt.

use messaging_core::{
    domain::{
        body::Body,
        conversation::{Conversation, ConversationSummary},
        digest::DigestMark,
        message::{IdempotencyKey, Message, MessageExtras, Origin},
        receipt::MessageRow,
        side::PerSide,
        unread::{ReadMark, UnreadCounter},
    },
    id::{AgentId, BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
};
use sqlx::{Error, Row, sqlite::SqliteRow};
use uuid::Uuid;

use super::error::corrupt;
use crate::codes;

/// The columns of [`conversation`], of `conversation AS c`.
macro_rules! conversation_columns {
    () => {
        "c.id, c.client_id, c.agent_id, c.agent_user_id, c.access_version, c.blocked_by, c.closed, c.last_seq,
         c.client_received, c.client_read, c.client_read_seq, c.client_read_at,
         c.client_mailed, c.client_due_at,
         c.agent_received, c.agent_read, c.agent_read_seq, c.agent_read_at, c.agent_mailed, c.agent_due_at,
         c.created_at, c.activity_at"
    };
}
/// The columns of [`message`], of `message AS m`.
macro_rules! message_columns {
    () => {
        "m.conversation_id, m.seq, m.id AS message_id, m.from_side, m.to_sides, m.sender_id, m.idempotency_key, m.body, m.extras,
         m.created_at AS sent_at, m.client_position, m.agent_position"
    };
}
/// The columns of [`message_row`], of `message AS m`.
macro_rules! message_row_columns {
    () => {
        concat!(
            $crate::sqlite::rows::message_columns!(),
            ", (SELECT r.read_at FROM receipt r WHERE r.conversation_id = m.conversation_id AND r.side = 1
                AND r.up_to_seq >= m.seq ORDER BY r.up_to_seq LIMIT 1) AS read_by_client,
             (SELECT r.read_at FROM receipt r WHERE r.conversation_id = m.conversation_id AND r.side = 2
                AND r.up_to_seq >= m.seq ORDER BY r.up_to_seq LIMIT 1) AS read_by_agent"
        )
    };
}
/// The column `booking_id` of `conversation AS c`: the booking linked last.
macro_rules! booking_column {
    () => {
        "(SELECT l.booking_id FROM booking_link l WHERE l.conversation_id = c.id
            ORDER BY l.position DESC LIMIT 1) AS booking_id"
    };
}
/// The select of what [`summary`] reads, up to the conditions.
macro_rules! select_overview {
    () => {
        concat!(
            "SELECT ",
            $crate::sqlite::rows::conversation_columns!(),
            ", ",
            $crate::sqlite::rows::booking_column!(),
            ", ",
            $crate::sqlite::rows::message_columns!(),
            " FROM conversation c LEFT JOIN message m ON m.conversation_id = c.id AND m.seq = c.last_seq "
        )
    };
}
pub(super) use {
    booking_column, conversation_columns, message_columns, message_row_columns, select_overview,
};

pub(super) fn conversation(row: &SqliteRow) -> Result<Conversation, Error> {
    let blocked_by: i16 = row.try_get("blocked_by")?;
    Ok(Conversation::between(
        ConversationId::new(row.try_get("id")?),
        user_id(row, "client_id")?,
        AgentId::parse(row.try_get::<&str, _>("agent_id")?).map_err(corrupt)?,
        user_id(row, "agent_user_id")?,
        time(row, "created_at")?,
    )
    .with_access_version(row.try_get("access_version")?)
    .with_blocked_by(PerSide::from_fn(|side| codes::holds(blocked_by, side)))
    .with_closed(row.try_get("closed")?)
    .with_last_seq(row.try_get("last_seq")?)
    .with_counters(PerSide {
        client: UnreadCounter::default()
            .with_received(row.try_get("client_received")?)
            .with_read(row.try_get("client_read")?)
            .with_last_read(read_mark(row, "client_read_seq", "client_read_at")?),
        agent: UnreadCounter::default()
            .with_received(row.try_get("agent_received")?)
            .with_read(row.try_get("agent_read")?)
            .with_last_read(read_mark(row, "agent_read_seq", "agent_read_at")?),
    })
    .with_digests(PerSide {
        client: digest_mark(row, "client_mailed", "client_due_at")?,
        agent: digest_mark(row, "agent_mailed", "agent_due_at")?,
    })
    .with_activity_at(time(row, "activity_at")?))
}

pub(super) fn read_mark(row: &SqliteRow, seq: &str, at: &str) -> Result<Option<ReadMark>, Error> {
    let (seq, at): (Option<u64>, Option<i64>) = (row.try_get(seq)?, row.try_get(at)?);
    Ok(seq
        .zip(at)
        .map(|(up_to_seq, at)| ReadMark::new(up_to_seq, Timestamp::from_millis(at))))
}

fn digest_mark(row: &SqliteRow, mailed: &str, due_at: &str) -> Result<DigestMark, Error> {
    let due_at: Option<i64> = row.try_get(due_at)?;
    Ok(DigestMark::default()
        .with_mailed(row.try_get(mailed)?)
        .with_due_at(due_at.map(Timestamp::from_millis)))
}

pub(super) fn summary(row: &SqliteRow) -> Result<ConversationSummary, Error> {
    let has_message = row.try_get::<Option<i64>, _>("seq")?.is_some();
    Ok(ConversationSummary::new(conversation(row)?)
        .with_booking_id(booking_id(row)?)
        .with_last_message(has_message.then(|| message(row)).transpose()?))
}

/// Reads the booking linked last, if any.
pub(super) fn booking_id(row: &SqliteRow) -> Result<Option<BookingId>, Error> {
    let id: Option<&str> = row.try_get("booking_id")?;
    id.map(BookingId::parse).transpose().map_err(corrupt)
}

pub(super) fn message(row: &SqliteRow) -> Result<Message, Error> {
    let origin = match codes::side_of_code(row.try_get("from_side")?) {
        Some(side) => Origin::user(side, user_id(row, "sender_id")?),
        None => Origin::system(
            codes::to_of_code(row.try_get("to_sides")?)
                .ok_or_else(|| corrupt("a stored message has no recipient"))?,
        ),
    };
    let mut message = Message::new(
        ConversationId::new(row.try_get("conversation_id")?),
        row.try_get("seq")?,
        MessageId::new(row.try_get("message_id")?),
        origin,
        Body::from_stored(row.try_get("body")?),
        time(row, "sent_at")?,
    );
    let key: Option<&str> = row.try_get("idempotency_key")?;
    message.idempotency_key = key.map(IdempotencyKey::parse).transpose().map_err(corrupt)?;
    message.extras = row
        .try_get::<Option<String>, _>("extras")?
        .map(MessageExtras::from_stored);
    message.positions = PerSide {
        client: row.try_get("client_position")?,
        agent: row.try_get("agent_position")?,
    };
    Ok(message)
}

pub(super) fn message_row(row: &SqliteRow) -> Result<MessageRow, Error> {
    let read = |column: &str| -> Result<Option<Timestamp>, Error> {
        let at: Option<i64> = row.try_get(column)?;
        Ok(at.map(Timestamp::from_millis))
    };
    Ok(MessageRow::unread(message(row)?).with_read(PerSide {
        client: read("read_by_client")?,
        agent: read("read_by_agent")?,
    }))
}

pub(super) fn conversation_id(row: &SqliteRow) -> Result<ConversationId, Error> {
    row.try_get::<Uuid, _>("conversation_id").map(ConversationId::new)
}

pub(super) fn user_id(row: &SqliteRow, column: &str) -> Result<UserId, Error> {
    UserId::parse(row.try_get::<&str, _>(column)?).map_err(corrupt)
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, Error> {
    row.try_get(column).map(Timestamp::from_millis)
}
