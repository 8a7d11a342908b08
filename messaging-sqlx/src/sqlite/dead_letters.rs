//! Dead letters: events that the transport refused permanently. They are removed from their lanes, listed, and
//! requeued.

use messaging_core::{
    id::WorkerId,
    store::{DeadLetter, DeadLetterPosition, Lane, Requeue, Requeued},
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    lanes::{self, Event, entry_columns},
    rows,
    writer::Step,
};
use crate::codes::{limit, number};

pub(super) const TAKE_ENTRY: &str = "DELETE FROM outbox WHERE conversation_id = ? AND number = ?";
pub(super) const INSERT: &str = "INSERT INTO dead_letter (conversation_id, number, kind, side, seq, at, why,
    dead_lettered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const TAKE_DEAD_LETTER: &str = "DELETE FROM dead_letter WHERE conversation_id = ? AND number = ?
    RETURNING conversation_id AS entry_of, number, kind, side, seq AS entry_seq, at";
/// The columns of [`dead_letters`], of `dead_letters AS o`, in order.
macro_rules! listed {
    ($where:literal) => {
        concat!(
            "SELECT ",
            entry_columns!(),
            ", o.why, o.dead_lettered_at FROM dead_letter o ",
            $where,
            " ORDER BY o.dead_lettered_at, o.conversation_id, o.number LIMIT ?"
        )
    };
}
pub(super) const LIST: &str = listed!("");
pub(super) const LIST_AFTER: &str =
    listed!("WHERE (o.dead_lettered_at, o.conversation_id, o.number) > (?, ?, ?)");

pub(super) const LISTING: &str = "listing dead letters";

pub(super) struct DeadLetterEntry {
    pub(super) by: WorkerId,
    pub(super) lane: Lane,
    pub(super) letter: DeadLetter,
}

impl Step for DeadLetterEntry {
    type Answer = ();
    const DOING: &'static str = "moving an event to the dead letters";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        let DeadLetter { entry, why, at, .. } = &self.letter;
        if !lanes::is_owned(tx, self.lane.conversation_id, self.by, self.lane.lease_until).await? {
            return Ok(());
        }
        let taken = sqlx::query(TAKE_ENTRY)
            .bind(entry.conversation_id.as_uuid())
            .bind(number(entry.number))
            .execute(&mut *tx)
            .await?;
        if taken.rows_affected() > 0 {
            let (kind, side, seq) = lanes::kind_columns(entry.kind)?;
            sqlx::query(INSERT)
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

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Requeued, Error> {
        let taken = sqlx::query(TAKE_DEAD_LETTER)
            .bind(self.conversation_id.as_uuid())
            .bind(number(self.number))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = taken else {
            return Ok(Requeued::NotFound);
        };
        let event = Event {
            of: self.conversation_id,
            kind: lanes::entry(&row)?.kind,
            at: self.now,
            now: self.now,
            publisher: self.publisher,
            lost_access: None,
        };
        let entry = event.commit(tx).await?;
        Ok(Requeued::Done(entry))
    }
}

pub(super) async fn list(
    connection: &mut SqliteConnection,
    after: Option<&DeadLetterPosition>,
    rows: usize,
) -> Result<Vec<DeadLetter>, Error> {
    let query = match after {
        None => sqlx::query(LIST),
        Some(position) => sqlx::query(LIST_AFTER)
            .bind(position.at.as_millis())
            .bind(position.conversation_id.as_uuid())
            .bind(number(position.number)),
    };
    let found = query.bind(limit(rows)).fetch_all(connection).await?;
    found.iter().map(dead_letter).collect()
}

fn dead_letter(row: &SqliteRow) -> Result<DeadLetter, Error> {
    Ok(DeadLetter::new(
        lanes::entry(row)?,
        row.try_get("why")?,
        rows::time(row, "dead_lettered_at")?,
    ))
}
