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
    Column as _, Decode, Error, Postgres, Row as _, Type,
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

/// Reads consecutive columns by position: looking up each name takes longer than reading most of the values. The names are
/// checked in debug builds, and named in errors.
struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    fn starting_with(row: &'r PgRow, first: &str) -> Result<Self, Error> {
        let next = row.try_column(first)?.ordinal();
        Ok(Self { row, next })
    }

    fn read<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self, name: &str) -> Result<T, Error> {
        debug_assert_eq!(self.row.column(self.next).name(), name, "the next column");
        let read = self.row.try_get(self.next);
        self.next += 1;
        read.map_err(|error| match error {
            Error::ColumnDecode { source, .. } => Error::ColumnDecode {
                index: name.to_owned(),
                source,
            },
            other => other,
        })
    }

    fn user_id(&mut self, name: &str) -> Result<UserId, Error> {
        UserId::parse(self.read::<&str>(name)?).map_err(corrupt)
    }

    fn count(&mut self, name: &str) -> Result<u64, Error> {
        unsigned(self.read(name)?)
    }

    fn maybe_count(&mut self, name: &str) -> Result<Option<u64>, Error> {
        self.read::<Option<i64>>(name)?.map(unsigned).transpose()
    }

    fn time(&mut self, name: &str) -> Result<Timestamp, Error> {
        self.read::<DateTime<Utc>>(name).map(Timestamp::from)
    }

    fn maybe_time(&mut self, name: &str) -> Result<Option<Timestamp>, Error> {
        let at: Option<DateTime<Utc>> = self.read(name)?;
        Ok(at.map(Timestamp::from))
    }

    fn side(&mut self, names: &SideNames) -> Result<(UnreadCounter, DigestMark), Error> {
        let (received, read) = (self.count(names.received)?, self.count(names.read)?);
        let (seq, at) = (self.maybe_count(names.read_seq)?, self.maybe_time(names.read_at)?);
        let counter = UnreadCounter::default()
            .with_received(received)
            .with_read(read)
            .with_last_read(seq.zip(at).map(|(up_to_seq, at)| ReadMark::new(up_to_seq, at)));
        let digest = DigestMark::default()
            .with_mailed(self.count(names.mailed)?)
            .with_due_at(self.maybe_time(names.due_at)?);
        Ok((counter, digest))
    }
}

/// The columns of a side, in their order.
struct SideNames {
    received: &'static str,
    read: &'static str,
    read_seq: &'static str,
    read_at: &'static str,
    mailed: &'static str,
    due_at: &'static str,
}

const CLIENT: SideNames = SideNames {
    received: "client_received",
    read: "client_read",
    read_seq: "client_read_seq",
    read_at: "client_read_at",
    mailed: "client_mailed",
    due_at: "client_due_at",
};
const AGENT: SideNames = SideNames {
    received: "agent_received",
    read: "agent_read",
    read_seq: "agent_read_seq",
    read_at: "agent_read_at",
    mailed: "agent_mailed",
    due_at: "agent_due_at",
};

pub(super) fn conversation(row: &PgRow) -> Result<Conversation, Error> {
    let mut columns = Columns::starting_with(row, "id")?;
    let id = ConversationId::new(columns.read("id")?);
    let client_id = columns.user_id("client_id")?;
    let agent_id = AgentId::parse(columns.read::<&str>("agent_id")?).map_err(corrupt)?;
    let agent_user_id = columns.user_id("agent_user_id")?;
    let access_version: i64 = columns.read("access_version")?;
    let blocked_by: i16 = columns.read("blocked_by")?;
    let closed = columns.read("closed")?;
    let last_seq = columns.count("last_seq")?;
    let (client, client_digest) = columns.side(&CLIENT)?;
    let (agent, agent_digest) = columns.side(&AGENT)?;
    let created_at = columns.time("created_at")?;
    Ok(
        Conversation::between(id, client_id, agent_id, agent_user_id, created_at)
            .with_access_version(u32::try_from(access_version).map_err(corrupt)?)
            .with_blocked_by(PerSide::from_fn(|side| codes::holds(blocked_by, side)))
            .with_closed(closed)
            .with_last_seq(last_seq)
            .with_counters(PerSide { client, agent })
            .with_digests(PerSide {
                client: client_digest,
                agent: agent_digest,
            })
            .with_activity_at(columns.time("activity_at")?),
    )
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
    read_message(&mut Columns::starting_with(row, "conversation_id")?)
}

fn read_message(columns: &mut Columns<'_>) -> Result<Message, Error> {
    let conversation_id = ConversationId::new(columns.read("conversation_id")?);
    let seq = columns.count("seq")?;
    let id = MessageId::new(columns.read("message_id")?);
    let from: i16 = columns.read("from_side")?;
    let to: i16 = columns.read("to_sides")?;
    let sender: &str = columns.read("sender_id")?;
    let origin = match codes::side_of_code(from) {
        Some(side) => Origin::user(side, UserId::parse(sender).map_err(corrupt)?),
        None => {
            Origin::system(codes::to_of_code(to).ok_or_else(|| corrupt("a stored message has no recipient"))?)
        }
    };
    let key: Option<&str> = columns.read("idempotency_key")?;
    let body = Body::from_stored(columns.read("body")?);
    let extras: Option<String> = columns.read("extras")?;
    let mut message = Message::new(conversation_id, seq, id, origin, body, columns.time("sent_at")?);
    message.idempotency_key = key.map(IdempotencyKey::parse).transpose().map_err(corrupt)?;
    message.extras = extras.map(MessageExtras::from_stored);
    message.positions = PerSide {
        client: columns.count("client_position")?,
        agent: columns.count("agent_position")?,
    };
    Ok(message)
}

pub(super) fn message_row(row: &PgRow) -> Result<MessageRow, Error> {
    let mut columns = Columns::starting_with(row, "conversation_id")?;
    let message = read_message(&mut columns)?;
    Ok(MessageRow::unread(message).with_read(PerSide {
        client: columns.maybe_time("read_by_client")?,
        agent: columns.maybe_time("read_by_agent")?,
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
