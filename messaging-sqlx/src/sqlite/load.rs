//! Loading the subjects of outbox entries for the relay.

use messaging_core::{
    domain::{receipt::Receipt, side::Side},
    id::{BookingId, ConversationId, MessageId, UserId},
    store::{EntryKind, Lane, LoadedEntry, Subject},
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    error::corrupt,
    lanes::{self, entry_columns},
    rows::{self, booking_column, conversation_columns, message_row_columns},
};
use crate::codes::{limit, number, side_code};

pub(super) const THREAD: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    booking_column!(),
    " FROM conversation c WHERE c.id = ?"
);
/// The entries, each with the message that it names, if any.
pub(super) const ENTRIES: &str = concat!(
    "SELECT ",
    entry_columns!(),
    ", o.lost_access, ",
    message_row_columns!(),
    " FROM outbox o LEFT JOIN message m
        ON o.kind = 1 AND m.conversation_id = o.conversation_id AND m.seq = o.seq
      WHERE o.conversation_id = ? AND o.number >= ? ORDER BY o.number LIMIT ?"
);
pub(super) const RECEIPT: &str = "SELECT read_at, (SELECT COALESCE(MAX(up_to_seq), 0) FROM receipt
        WHERE conversation_id = ?1 AND side = ?2 AND up_to_seq < ?3) AS before
    FROM receipt WHERE conversation_id = ?1 AND side = ?2 AND up_to_seq = ?3";
pub(super) const NEWLY_READ: &str = "SELECT id FROM message
    WHERE conversation_id = ? AND seq > ? AND seq <= ? AND from_side = ? ORDER BY seq DESC LIMIT ?";

/// Runs in a transaction, so that all reads are from one snapshot.
pub(super) async fn entries(
    tx: &mut SqliteConnection,
    lanes: &[Lane],
    per_lane: usize,
) -> Result<Vec<LoadedEntry>, Error> {
    let mut loaded = Vec::new();
    for lane in lanes {
        let id = lane.conversation_id;
        let thread = sqlx::query(THREAD)
            .bind(id.as_uuid())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(thread) = thread else { continue };
        let conversation = rows::conversation(&thread)?;
        let booking_id = rows::booking_id(&thread)?;
        let found = sqlx::query(ENTRIES)
            .bind(id.as_uuid())
            .bind(number(lane.head))
            .bind(limit(per_lane))
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            let entry = lanes::entry(row)?;
            if let Some(subject) = subject(tx, id, entry.kind, row, booking_id.as_ref()).await? {
                loaded.push(
                    LoadedEntry::new(entry, conversation.clone(), subject)
                        .with_lost_access(lost_access(row)?),
                );
            }
        }
    }
    Ok(loaded)
}

fn lost_access(row: &SqliteRow) -> Result<Option<UserId>, Error> {
    let lost: Option<&str> = row.try_get("lost_access")?;
    lost.map(|id| UserId::parse(id).map_err(corrupt)).transpose()
}

async fn subject(
    tx: &mut SqliteConnection,
    of: ConversationId,
    kind: EntryKind,
    row: &SqliteRow,
    booking_id: Option<&BookingId>,
) -> Result<Option<Subject>, Error> {
    match kind {
        EntryKind::Message { .. } if row.try_get::<Option<i64>, _>("seq")?.is_none() => Ok(None),
        EntryKind::Message { .. } => Ok(Some(Subject::Message(rows::message_row(row)?))),
        EntryKind::Read { side, up_to_seq } => read(tx, of, side, up_to_seq).await,
        _ => Ok(Some(Subject::Updated {
            booking_id: booking_id.cloned(),
        })),
    }
}

async fn read(
    tx: &mut SqliteConnection,
    of: ConversationId,
    side: Side,
    up_to_seq: u64,
) -> Result<Option<Subject>, Error> {
    let found = sqlx::query(RECEIPT)
        .bind(of.as_uuid())
        .bind(side_code(side))
        .bind(number(up_to_seq))
        .fetch_optional(&mut *tx)
        .await?;
    let Some(found) = found else { return Ok(None) };
    let mut ids: Vec<Uuid> = sqlx::query_scalar(NEWLY_READ)
        .bind(of.as_uuid())
        .bind(found.try_get::<i64, _>("before")?)
        .bind(number(up_to_seq))
        .bind(side_code(side.other()))
        .bind(limit(Subject::MAX_READ_IDS))
        .fetch_all(tx)
        .await?;
    ids.reverse();
    Ok(Some(Subject::Read {
        receipt: Receipt::new(side, up_to_seq, rows::time(&found, "read_at")?),
        message_ids: ids.into_iter().map(MessageId::new).collect(),
    }))
}
