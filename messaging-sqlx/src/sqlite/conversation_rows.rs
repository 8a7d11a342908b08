//! The rows of conversations: finding them, and writing them after a transition.

use messaging_core::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        side::Side,
    },
    id::{BookingId, ConversationId},
    time::Timestamp,
};
use sqlx::{Error, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{
    error::corrupt,
    rows::{self, conversation_columns, select_overview},
};
use crate::codes::{number, sides_code};

pub(super) const FIND: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.id = ?"
);
pub(super) const FIND_BY_PAIR: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.client_id = ? AND c.agent_id = ?"
);
pub(super) const FIND_BY_BOOKING: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.id = (SELECT conversation_id FROM booking_link WHERE booking_id = ?
        ORDER BY position DESC LIMIT 1)"
);
pub(super) const OVERVIEW: &str = concat!(select_overview!(), "WHERE c.id = ?");
pub(super) const BOOKINGS: &str =
    "SELECT booking_id FROM booking_link WHERE conversation_id = ? ORDER BY position DESC";
pub(super) const SAVE: &str =
    "UPDATE conversation SET client_id = ?, agent_user_id = ?, access_version = ?, blocked_by = ?, closed = ?,
    last_seq = ?, client_received = ?, client_read = ?, client_read_seq = ?, client_read_at = ?,
    client_mailed = ?, client_due_at = ?, agent_received = ?, agent_read = ?, agent_read_seq = ?, agent_read_at = ?,
    agent_mailed = ?, agent_due_at = ?, activity_at = ? WHERE id = ?";

pub(super) async fn find(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<Conversation>, Error> {
    find_by(connection, sqlx::query(FIND).bind(id.as_uuid())).await
}

pub(super) async fn find_by(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Option<Conversation>, Error> {
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(rows::conversation).transpose()
}

pub(super) async fn summary(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<ConversationSummary>, Error> {
    let found = sqlx::query(OVERVIEW).bind(id.as_uuid());
    let row = found.fetch_optional(connection).await?;
    row.as_ref().map(rows::summary).transpose()
}

/// Binds the columns that a transition may change, except the times, in order.
pub(super) fn bind_state<'q>(
    statement: Query<'q, Sqlite, SqliteArguments>,
    c: &'q Conversation,
) -> Query<'q, Sqlite, SqliteArguments> {
    let mut bound = statement
        .bind(c.agent_user_id.as_str())
        .bind(c.access_version)
        .bind(sides_code(|side| *c.blocked_by.of(side)))
        .bind(c.closed)
        .bind(number(c.last_seq));
    for side in Side::ALL {
        let (counter, mark) = (c.counters.of(side), c.digests.of(side));
        bound = bound
            .bind(number(counter.received))
            .bind(number(counter.read))
            .bind(counter.last_read.map(|mark| number(mark.up_to_seq)))
            .bind(counter.last_read.map(|mark| mark.at.as_millis()))
            .bind(number(mark.mailed))
            .bind(mark.due_at.map(Timestamp::as_millis));
    }
    bound
}

/// Writes a conversation after a transition.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
) -> Result<(), Error> {
    let c = conversation;
    bind_state(sqlx::query(SAVE).bind(c.client_id.as_str()), c)
        .bind(c.activity_at.as_millis())
        .bind(c.id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn bookings(
    connection: &mut SqliteConnection,
    of: ConversationId,
) -> Result<Vec<BookingId>, Error> {
    let ids: Vec<String> = sqlx::query_scalar(BOOKINGS)
        .bind(of.as_uuid())
        .fetch_all(connection)
        .await?;
    ids.into_iter()
        .map(|id| BookingId::parse(id).map_err(corrupt))
        .collect()
}
