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
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
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
            $crate::postgres::rows::message_columns!(),
            r#", (SELECT r.read_at FROM "messaging".receipt r WHERE r.conversation_id = m.conversation_id
                AND r.side = 1 AND r.up_to_seq >= m.seq ORDER BY r.up_to_seq LIMIT 1) AS read_by_client,
             (SELECT r.read_at FROM "messaging".receipt r WHERE r.conversation_id = m.conversation_id
                AND r.side = 2 AND r.up_to_seq >= m.seq ORDER BY r.up_to_seq LIMIT 1) AS read_by_agent"#
        )
    };
}
/// The column `booking_id` of `conversation AS c`: the booking linked last.
macro_rules! booking_column {
    () => {
        r#"(SELECT l.booking_id FROM "messaging".booking_link l WHERE l.conversation_id = c.id
            ORDER BY l.position DESC LIMIT 1) AS booking_id"#
    };
}
/// The columns of [`summary`], of `conversation AS c` and [`last_message`] `AS m`.
macro_rules! summary_columns {
    () => {
        concat!(
            $crate::postgres::rows::conversation_columns!(),
            ", ",
            $crate::postgres::rows::booking_column!(),
            ", ",
            $crate::postgres::rows::message_columns!()
        )
    };
}
/// The newest message of `conversation AS c`. Lateral and limited, so that the planner looks up each message
/// whatever its estimates, and never scans the table.
macro_rules! last_message {
    () => {
        r#"LEFT JOIN LATERAL (SELECT * FROM "messaging".message m WHERE m.conversation_id = c.id
            AND m.seq = c.last_seq LIMIT 1) m ON true"#
    };
}
pub(super) use {
    booking_column, conversation_columns, last_message, message_columns, message_row_columns, summary_columns,
};

pub(super) fn conversation(row: &PgRow) -> Result<Conversation, Error> {
    let counter = |received: &str, read: &str, seq: &str, at: &str| -> Result<UnreadCounter, Error> {
        let seq = maybe_count(row, seq)?;
        Ok(UnreadCounter::default()
            .with_received(count(row, received)?)
            .with_read(count(row, read)?)
            .with_last_read(
                seq.zip(maybe_time(row, at)?)
                    .map(|(up_to_seq, at)| ReadMark::new(up_to_seq, at)),
            ))
    };
    let blocked_by: i16 = row.try_get("blocked_by")?;
    let access_version: i64 = row.try_get("access_version")?;
    Ok(Conversation::between(
        ConversationId::new(row.try_get("id")?),
        user_id(row, "client_id")?,
        AgentId::parse(row.try_get::<&str, _>("agent_id")?).map_err(corrupt)?,
        user_id(row, "agent_user_id")?,
        time(row, "created_at")?,
    )
    .with_access_version(u32::try_from(access_version).map_err(corrupt)?)
    .with_blocked_by(PerSide::from_fn(|side| codes::holds(blocked_by, side)))
    .with_closed(row.try_get("closed")?)
    .with_last_seq(count(row, "last_seq")?)
    .with_counters(PerSide {
        client: counter(
            "client_received",
            "client_read",
            "client_read_seq",
            "client_read_at",
        )?,
        agent: counter("agent_received", "agent_read", "agent_read_seq", "agent_read_at")?,
    })
    .with_digests(PerSide {
        client: digest_mark(row, "client_mailed", "client_due_at")?,
        agent: digest_mark(row, "agent_mailed", "agent_due_at")?,
    })
    .with_activity_at(time(row, "activity_at")?))
}

fn digest_mark(row: &PgRow, mailed: &str, due_at: &str) -> Result<DigestMark, Error> {
    Ok(DigestMark::default()
        .with_mailed(count(row, mailed)?)
        .with_due_at(maybe_time(row, due_at)?))
}

pub(super) fn summary(row: &PgRow) -> Result<ConversationSummary, Error> {
    Ok(ConversationSummary::new(conversation(row)?)
        .with_booking_id(booking_id(row)?)
        .with_last_message(has_message(row)?.then(|| message(row)).transpose()?))
}

/// Whether the outer join found a message.
pub(super) fn has_message(row: &PgRow) -> Result<bool, Error> {
    Ok(row.try_get::<Option<i64>, _>("seq")?.is_some())
}

/// Reads the booking linked last, if any.
pub(super) fn booking_id(row: &PgRow) -> Result<Option<BookingId>, Error> {
    let id: Option<&str> = row.try_get("booking_id")?;
    id.map(BookingId::parse).transpose().map_err(corrupt)
}

pub(super) fn message(row: &PgRow) -> Result<Message, Error> {
    let origin = match codes::side_of_code(row.try_get("from_side")?) {
        Some(side) => Origin::user(side, user_id(row, "sender_id")?),
        None => Origin::system(
            codes::to_of_code(row.try_get("to_sides")?)
                .ok_or_else(|| corrupt("a stored message has no recipient"))?,
        ),
    };
    let mut message = Message::new(
        ConversationId::new(row.try_get("conversation_id")?),
        count(row, "seq")?,
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
        client: count(row, "client_position")?,
        agent: count(row, "agent_position")?,
    };
    Ok(message)
}

pub(super) fn message_row(row: &PgRow) -> Result<MessageRow, Error> {
    Ok(MessageRow::unread(message(row)?).with_read(PerSide {
        client: maybe_time(row, "read_by_client")?,
        agent: maybe_time(row, "read_by_agent")?,
    }))
}

pub(super) fn conversation_id(row: &PgRow, column: &str) -> Result<ConversationId, Error> {
    row.try_get::<Uuid, _>(column).map(ConversationId::new)
}

pub(super) fn user_id(row: &PgRow, column: &str) -> Result<UserId, Error> {
    UserId::parse(row.try_get::<&str, _>(column)?).map_err(corrupt)
}

/// Reads a number that is never negative.
pub(super) fn count(row: &PgRow, column: &str) -> Result<u64, Error> {
    unsigned(row.try_get(column)?)
}

/// Reads an optional number that is never negative.
pub(super) fn maybe_count(row: &PgRow, column: &str) -> Result<Option<u64>, Error> {
    let n: Option<i64> = row.try_get(column)?;
    n.map(unsigned).transpose()
}

pub(super) fn time(row: &PgRow, column: &str) -> Result<Timestamp, Error> {
    row.try_get::<DateTime<Utc>, _>(column).map(Timestamp::from)
}

pub(super) fn maybe_time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, Error> {
    let at: Option<DateTime<Utc>> = row.try_get(column)?;
    Ok(at.map(Timestamp::from))
}

/// Converts a point in time to PostgreSQL's type.
pub(super) fn instant(at: Timestamp) -> DateTime<Utc> {
    at.into()
}

fn unsigned(n: i64) -> Result<u64, Error> {
    u64::try_from(n).map_err(corrupt)
}
