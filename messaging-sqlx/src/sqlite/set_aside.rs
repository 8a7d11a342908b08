//! Events that the transport refused for good: out of their lanes, listed, and back again.

use messaging_core::{
    id::WorkerId,
    port::store::{Lane, Requeue, Requeued, SetAside, SetAsidePlace},
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    lanes::{self, Event, entry_columns},
    rows,
    writer::Step,
};
use crate::codes::{limit, number};

pub(super) const TAKE_OUT: &str = "DELETE FROM outbox WHERE conversation_id = ? AND number = ?";
pub(super) const KEEP_ASIDE: &str =
    "INSERT INTO set_aside (conversation_id, number, kind, side, seq, at, why,
    set_aside_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const TAKE_BACK: &str = "DELETE FROM set_aside WHERE conversation_id = ? AND number = ?
    RETURNING conversation_id AS entry_of, number, kind, side, seq AS entry_seq, at";
/// The columns of [`set_aside`], of `set_aside AS o`, in the order of their places.
macro_rules! listed {
    ($where:literal) => {
        concat!(
            "SELECT ",
            entry_columns!(),
            ", o.why, o.set_aside_at FROM set_aside o ",
            $where,
            " ORDER BY o.set_aside_at, o.conversation_id, o.number LIMIT ?"
        )
    };
}
pub(super) const LIST: &str = listed!("");
pub(super) const LIST_AFTER: &str =
    listed!("WHERE (o.set_aside_at, o.conversation_id, o.number) > (?, ?, ?)");

pub(super) const LISTING: &str = "listing events set aside";

pub(super) struct TakeOut {
    pub(super) by: WorkerId,
    pub(super) lane: Lane,
    pub(super) set_aside: SetAside,
}

impl Step for TakeOut {
    type Answer = ();
    const DOING: &'static str = "setting an event aside";

    async fn take(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        let SetAside { entry, why, at } = &self.set_aside;
        if !lanes::is_owned(tx, self.lane.conversation_id, self.by, self.lane.lease_until).await? {
            return Ok(());
        }
        let taken = sqlx::query(TAKE_OUT)
            .bind(entry.conversation_id.as_uuid())
            .bind(number(entry.number))
            .execute(&mut *tx)
            .await?;
        if taken.rows_affected() > 0 {
            let (kind, side, seq) = lanes::kind_columns(entry.kind)?;
            sqlx::query(KEEP_ASIDE)
                .bind(entry.conversation_id.as_uuid())
                .bind(number(entry.number))
                .bind(kind)
                .bind(side)
                .bind(seq)
                .bind(entry.at.as_millis())
                .bind(why)
                .bind(at.as_millis())
                .execute(tx)
                .await?;
        }
        Ok(())
    }
}

impl Step for Requeue {
    type Answer = Requeued;
    const DOING: &'static str = "requeueing an event";

    async fn take(self, tx: &mut SqliteConnection) -> Result<Requeued, Error> {
        let taken = sqlx::query(TAKE_BACK)
            .bind(self.conversation_id.as_uuid())
            .bind(number(self.number))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = taken else {
            return Ok(Requeued::NotSetAside);
        };
        let event = Event {
            of: self.conversation_id,
            kind: lanes::entry(&row)?.kind,
            at: self.now,
            now: self.now,
            publisher: self.publisher,
            lost_access: None,
        };
        let lane = event.commit(tx).await?;
        Ok(Requeued::Done { lane })
    }
}

pub(super) async fn list(connection: &mut SqliteConnection, rows: usize) -> Result<Vec<SetAside>, Error> {
    let found = sqlx::query(LIST).bind(limit(rows)).fetch_all(connection).await?;
    found.iter().map(set_aside).collect()
}

pub(super) async fn list_after(
    connection: &mut SqliteConnection,
    place: &SetAsidePlace,
    rows: usize,
) -> Result<Vec<SetAside>, Error> {
    let found = sqlx::query(LIST_AFTER)
        .bind(place.at.as_millis())
        .bind(place.conversation_id.as_uuid())
        .bind(number(place.number))
        .bind(limit(rows))
        .fetch_all(connection)
        .await?;
    found.iter().map(set_aside).collect()
}

fn set_aside(row: &SqliteRow) -> Result<SetAside, Error> {
    Ok(SetAside {
        entry: lanes::entry(row)?,
        why: row.try_get("why")?,
        at: rows::time(row, "set_aside_at")?,
    })
}
