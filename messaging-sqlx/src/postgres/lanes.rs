//! Outbox entries and lanes as rows, and the SQL by which a step writes them.

use messaging_core::{
    id::{ConversationId, WorkerId},
    store::{CommittedEntry, Entry, Lane, Publisher},
    time::Timestamp,
};
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    call::Statement,
    error::corrupt,
    rows::{self, count, instant, maybe_count},
};
use crate::codes;

/// The columns of [`entry`], of a table `AS o`.
macro_rules! entry_columns {
    () => {
        "o.conversation_id AS entry_of, o.number, o.kind, o.side, o.seq AS entry_seq, o.at"
    };
}
/// The last part of a step's `WITH`: the entry of the change that `$changed` made, with kind, side, seq and
/// time from `$entry` and the user whose access ended from `$lost_access`, and the conversation's lane. The
/// lane's owner is `$2`, until `$3`; if null, until now in whole milliseconds, so that it is due at once by an
/// agreeing clock.
///
/// An existing lane only gets a longer tail, which its owner sees when it acknowledges; the row lock orders the
/// two.
macro_rules! publish {
    ($changed:literal, $entry:expr) => {
        publish!($changed, $entry, "NULL")
    };
    ($changed:literal, $entry:expr, $lost_access:literal) => {
        concat!(
            r#"entry AS (INSERT INTO "messaging".outbox (conversation_id, number, kind, side, seq, at, lost_access)
                SELECT id, events, "#,
            $entry,
            ", ",
            $lost_access,
            " FROM ",
            $changed,
            r#"), laned AS (INSERT INTO "messaging".lane AS l (conversation_id, head, tail, owner, until)
                SELECT id, events, events, $2::uuid, COALESCE($3::timestamptz, date_trunc('milliseconds', clock_timestamp())) FROM "#,
            $changed,
            " ON CONFLICT (conversation_id) DO UPDATE SET tail = EXCLUDED.tail
                RETURNING l.tail AS entry_number, l.head = l.tail AS is_new) "
        )
    };
}
pub(super) use {entry_columns, publish};

/// The owner of a lane that a step may create, and the end of its lease.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ownership {
    /// A worker, for a lease.
    Worker { id: WorkerId, lease_until: Timestamp },
    /// No owner: the lane is due at once, by the process's clock.
    Unowned { now: Timestamp },
    /// No owner, and due by the database's clock: the process's clock is off, or was never compared.
    UnownedNow,
}

impl Ownership {
    pub(super) fn of(publisher: Publisher, now: Timestamp) -> Self {
        match publisher {
            Publisher::Worker { id, lease_until } => Self::Worker { id, lease_until },
            Publisher::Anyone => Self::Unowned { now },
        }
    }

    /// When the lane is due, if this process can tell.
    pub(super) fn due(self) -> Option<Timestamp> {
        match self {
            Self::Worker { lease_until, .. } => Some(lease_until),
            Self::Unowned { now } => Some(now),
            // By the database's clock, and so not before any watermark.
            Self::UnownedNow => None,
        }
    }

    /// Returns a step's `$2` and `$3`.
    pub(super) fn columns(self) -> (Option<Uuid>, Option<DateTime<Utc>>) {
        match self {
            Self::Worker { id, lease_until } => (Some(id.as_uuid()), Some(instant(lease_until))),
            Self::Unowned { now } => (None, Some(instant(now))),
            Self::UnownedNow => (None, None),
        }
    }

    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let (owner, until) = self.columns();
        statement.bind(owner).bind(until)
    }

    /// Reads the entry of a step from a row with `entry_number` and `is_new`, with the lane if the step created
    /// it for a worker.
    pub(super) fn committed(self, row: &PgRow, of: ConversationId) -> Result<CommittedEntry, Error> {
        let number = count(row, "entry_number")?;
        let is_new: bool = row.try_get("is_new")?;
        let lane = match self {
            Self::Worker { lease_until, .. } if is_new => Some(Lane::new(of, number, lease_until)),
            _ => None,
        };
        Ok(CommittedEntry::new(number).with_lane(lane))
    }
}

/// Reads a claimed lane, leased until `lease_until`.
pub(super) fn claimed(row: &PgRow, lease_until: Timestamp) -> Result<Lane, Error> {
    let times = |column: &str| -> Result<u32, Error> {
        u32::try_from(row.try_get::<i64, _>(column)?).map_err(corrupt)
    };
    Ok(Lane::new(
        rows::conversation_id(row, "conversation_id")?,
        count(row, "head")?,
        lease_until,
    )
    .with_tries(times("tries")?)
    .with_refusals(times("refusals")?))
}

pub(super) fn entry(row: &PgRow) -> Result<Entry, Error> {
    let kind = codes::kind_of_columns(
        row.try_get("kind")?,
        row.try_get("side")?,
        maybe_count(row, "entry_seq")?,
    );
    Ok(Entry::new(
        rows::conversation_id(row, "entry_of")?,
        count(row, "number")?,
        kind.ok_or_else(|| corrupt("a stored entry has an unknown kind"))?,
        rows::time(row, "at")?,
    ))
}
