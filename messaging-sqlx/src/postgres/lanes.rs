//! Outbox entries and lanes as rows, and how a step brings its own.

use messaging_core::{
    id::ConversationId,
    port::store::{Entry, Lane, Publisher},
    time::Timestamp,
};
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    error::damaged,
    rows::{self, count, instant, maybe_count},
};
use crate::codes;

/// The columns of [`entry`], of a table `AS o`.
macro_rules! entry_columns {
    () => {
        "o.conversation_id AS entry_of, o.number, o.kind, o.side, o.seq AS entry_seq, o.at"
    };
}
/// The last part of a step's `WITH`: the entry of the change that `$changed` made, its kind, side, seq and
/// time being `$entry`, and the conversation's lane. The step's owner is `$2` and its lease's end `$3`.
///
/// A lane that is there only gets a longer tail, which its owner sees when it settles; the lock on its row
/// lets one of the two be first.
macro_rules! publish {
    ($changed:literal, $entry:expr) => {
        concat!(
            r#"entry AS (INSERT INTO "messaging".outbox (conversation_id, number, kind, side, seq, at)
                SELECT id, events, "#,
            $entry,
            " FROM ",
            $changed,
            r#"), laned AS (INSERT INTO "messaging".lane AS l (conversation_id, head, tail, owner, until)
                SELECT id, events, events, $2::uuid, $3::timestamptz FROM "#,
            $changed,
            " ON CONFLICT (conversation_id) DO UPDATE SET tail = EXCLUDED.tail
                RETURNING l.head, l.head = l.tail AS is_new) "
        )
    };
}
pub(super) use {entry_columns, publish};

/// Who owns the lane that a step taken `now` may create, and until when.
pub(super) fn ownership(publisher: Publisher, now: Timestamp) -> (Option<Uuid>, DateTime<Utc>) {
    match publisher {
        Publisher::Worker { id, lease_until } => (Some(id.as_uuid()), instant(lease_until)),
        Publisher::Anyone => (None, instant(now)),
    }
}

/// The lane, if the step created it for its publisher; of a row with `head` and `is_new`.
pub(super) fn given(row: &PgRow, of: ConversationId, publisher: Publisher) -> Result<Option<Lane>, Error> {
    let Publisher::Worker { lease_until, .. } = publisher else {
        return Ok(None);
    };
    let is_new: Option<bool> = row.try_get("is_new")?;
    if is_new != Some(true) {
        return Ok(None);
    }
    Ok(Some(Lane {
        conversation_id: of,
        head: count(row, "head")?,
        lease_until,
        tries: 0,
        refusals: 0,
    }))
}

/// A lane that was claimed until then.
pub(super) fn claimed(row: &PgRow, lease_until: Timestamp) -> Result<Lane, Error> {
    let times = |column: &str| -> Result<u32, Error> {
        u32::try_from(row.try_get::<i64, _>(column)?).map_err(damaged)
    };
    Ok(Lane {
        conversation_id: rows::conversation_id(row, "conversation_id")?,
        head: count(row, "head")?,
        lease_until,
        tries: times("tries")?,
        refusals: times("refusals")?,
    })
}

pub(super) fn entry(row: &PgRow) -> Result<Entry, Error> {
    let kind = codes::kind_of_columns(
        row.try_get("kind")?,
        row.try_get("side")?,
        maybe_count(row, "entry_seq")?,
    );
    Ok(Entry {
        conversation_id: rows::conversation_id(row, "entry_of")?,
        number: count(row, "number")?,
        kind: kind.ok_or_else(|| damaged("an entry is of no known kind"))?,
        at: rows::time(row, "at")?,
    })
}
