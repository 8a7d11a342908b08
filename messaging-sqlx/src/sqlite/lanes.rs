//! Lanes and outbox entries as rows.

use messaging_core::{
    id::{ConversationId, UserId, WorkerId},
    store::{CommittedEntry, Entry, EntryKind, Lane, Publisher},
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{error::corrupt, rows};
use crate::codes::{self, number};

/// The columns of [`lane`], of `lane AS l`.
macro_rules! lane_columns {
    () => {
        "l.conversation_id, l.head, l.until, l.tries, l.refusals"
    };
}
/// The columns of [`entry`], of a table `AS o`.
macro_rules! entry_columns {
    () => {
        "o.conversation_id AS entry_of, o.number, o.kind, o.side, o.seq AS entry_seq, o.at"
    };
}
pub(super) use {entry_columns, lane_columns};

pub(super) const NUMBER: &str = "UPDATE conversation SET events = events + 1 WHERE id = ? RETURNING events";
pub(super) const ENTER: &str = "INSERT INTO outbox (conversation_id, number, kind, side, seq, at, lost_access) VALUES (?, ?, ?, ?, ?, ?, ?)";
pub(super) const CREATE: &str = "INSERT INTO lane (conversation_id, head, owner, until) VALUES (?, ?, ?, ?)
    ON CONFLICT (conversation_id) DO NOTHING";
pub(super) const OWNED: &str =
    "SELECT EXISTS (SELECT 1 FROM lane WHERE conversation_id = ? AND owner = ? AND until = ?)";

/// An event of a conversation, to be published.
pub(super) struct Event {
    pub(super) of: ConversationId,
    pub(super) kind: EntryKind,
    /// The event's time, which is later than `now` when the clock was set back.
    pub(super) at: Timestamp,
    /// The time by the acting process's clock.
    pub(super) now: Timestamp,
    pub(super) publisher: Publisher,
    /// The user whose access the event ended.
    pub(super) lost_access: Option<UserId>,
}

impl Event {
    /// Numbers and stores the event, and creates the conversation's lane if it has none. Returns the entry.
    pub(super) async fn commit(self, tx: &mut SqliteConnection) -> Result<CommittedEntry, Error> {
        let event: u64 = sqlx::query_scalar(NUMBER)
            .bind(self.of.as_uuid())
            .fetch_one(&mut *tx)
            .await?;
        let (kind, side, seq) = kind_columns(self.kind)?;
        sqlx::query(ENTER)
            .bind(self.of.as_uuid())
            .bind(number(event))
            .bind(kind)
            .bind(side)
            .bind(seq)
            .bind(self.at.as_millis())
            .bind(self.lost_access.as_ref().map(UserId::as_str))
            .execute(&mut *tx)
            .await?;

        let (owner, until) = match self.publisher {
            Publisher::Worker { id, lease_until } => (Some(id), lease_until),
            Publisher::Anyone => (None, self.now),
        };
        let created = sqlx::query(CREATE)
            .bind(self.of.as_uuid())
            .bind(number(event))
            .bind(owner.map(|owner| owner.as_uuid()))
            .bind(until.as_millis())
            .execute(tx)
            .await?;
        let given = owner.is_some() && created.rows_affected() > 0;
        let lane = given.then_some(Lane::new(self.of, event, until));
        Ok(CommittedEntry::new(event).with_lane(lane))
    }
}

/// Whether the worker owns a lane under the given lease.
pub(super) async fn is_owned(
    tx: &mut SqliteConnection,
    of: ConversationId,
    by: WorkerId,
    lease_until: Timestamp,
) -> Result<bool, Error> {
    sqlx::query_scalar(OWNED)
        .bind(of.as_uuid())
        .bind(by.as_uuid())
        .bind(lease_until.as_millis())
        .fetch_one(tx)
        .await
}

pub(super) fn lane(row: &SqliteRow) -> Result<Lane, Error> {
    Ok(Lane::new(
        rows::conversation_id(row)?,
        row.try_get("head")?,
        rows::time(row, "until")?,
    )
    .with_tries(row.try_get("tries")?)
    .with_refusals(row.try_get("refusals")?))
}

pub(super) fn entry(row: &SqliteRow) -> Result<Entry, Error> {
    let kind = codes::kind_of_columns(
        row.try_get("kind")?,
        row.try_get("side")?,
        row.try_get("entry_seq")?,
    );
    Ok(Entry::new(
        ConversationId::new(row.try_get::<Uuid, _>("entry_of")?),
        row.try_get("number")?,
        kind.ok_or_else(|| corrupt("a stored entry has an unknown kind"))?,
        rows::time(row, "at")?,
    ))
}

/// Returns the columns kind, side and seq.
pub(super) fn kind_columns(kind: EntryKind) -> Result<(i16, Option<i16>, Option<i64>), Error> {
    let columns = codes::kind_columns(kind);
    columns.ok_or_else(|| Error::Encode(format!("{kind:?} is an unknown kind of entry").into()))
}
