//! Dead letters: events that the transport refused permanently. They are removed from their lanes, listed, and
//! requeued.

use messaging_core::{
    id::WorkerId,
    store::{DeadLetter, DeadLetterPosition, Entry, Lane, Requeue, Requeued, StoreError},
    time::Timestamp,
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::{failed, unread},
    lanes::{self, entry_columns, publish},
    rows::{self, instant},
    target_locks::{LockWait, set_lock_timeout},
};
use crate::codes::{limit, number};

/// `$1` worker, `$2` conversation, `$3` lease, `$4` number, `$5` reason, `$6` now. A lane's tail always names
/// an existing entry: otherwise the lane would be acknowledged up to its last entry and never end.
pub(super) const DEAD_LETTER: &str = r#"
    WITH mine AS MATERIALIZED (SELECT conversation_id, head, tail FROM "messaging".lane
            WHERE conversation_id = $2 AND owner = $1 AND until = $3 FOR UPDATE),
        taken AS (DELETE FROM "messaging".outbox o USING mine
            WHERE o.conversation_id = mine.conversation_id AND o.conversation_id = $2 AND o.number = $4
            RETURNING o.conversation_id, o.number, o.kind, o.side, o.seq, o.at),
        kept AS (INSERT INTO "messaging".dead_letter (conversation_id, number, kind, side, seq, at, why,
                dead_lettered_at)
            SELECT conversation_id, number, kind, side, seq, at, $5, $6 FROM taken)
    UPDATE "messaging".lane l SET tail = COALESCE((SELECT MAX(o.number) FROM "messaging".outbox o
            WHERE o.conversation_id = l.conversation_id AND o.number >= l.head AND o.number < $4), 0)
        FROM mine JOIN taken USING (conversation_id)
        WHERE l.conversation_id = $2 AND l.until = $3 AND mine.tail = $4"#;

/// The columns of [`dead_letters`], of `dead_letters AS o`, in order.
macro_rules! listed {
    ($where:literal, $limit:literal) => {
        concat!(
            "SELECT ",
            entry_columns!(),
            r#", o.why, o.dead_lettered_at FROM "messaging".dead_letter o "#,
            $where,
            " ORDER BY o.dead_lettered_at, o.conversation_id, o.number LIMIT ",
            $limit
        )
    };
}

pub(super) const LIST: &str = listed!("", "$1");

/// `$1` time, `$2` conversation, `$3` number, `$4` limit.
pub(super) const LIST_AFTER: &str = listed!(
    "WHERE (o.dead_lettered_at, o.conversation_id, o.number) > ($1, $2, $3)",
    "$4"
);

/// `$1` conversation, `$2` owner, `$3` lease, `$4` number, `$5` now, `$6` how long it waits for the
/// conversation's row. Returns one row if the entry was requeued.
///
/// Of two concurrent deletes of a dead letter, the second waits for the first, which may wait for the
/// conversation and its lane. No holder of either of those waits for a dead letter, so there is no deadlock.
pub(super) const REQUEUE: &str = concat!(
    r#"WITH taken AS (DELETE FROM "messaging".dead_letter s WHERE s.conversation_id = $1 AND s.number = $4
        AND "#,
    set_lock_timeout!("$6"),
    r#" RETURNING s.conversation_id, s.kind, s.side, s.seq),
    changed AS (UPDATE "messaging".conversation c SET events = c.events + 1 FROM taken
        WHERE c.id = taken.conversation_id
        RETURNING c.id, c.events, taken.kind, taken.side, taken.seq),
    "#,
    publish!("changed", "kind, side, seq, $5"),
    "SELECT entry_number, is_new FROM changed LEFT JOIN laned ON true"
);

impl PgStore {
    pub(super) async fn move_to_dead_letters(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(self.0.statements.move_to_dead_letters.clone())
            .bind(by.as_uuid())
            .bind(lane.conversation_id.as_uuid())
            .bind(instant(lane.lease_until))
            .bind(number(entry.number))
            // A PostgreSQL text cannot hold NUL.
            .bind(why.replace('\0', ""))
            .bind(instant(now));
        self.write("moving an event to the dead letters", statement)
            .await
            .map(drop)
    }

    pub(super) async fn dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        rows: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        const DOING: &str = "listing dead letters";
        let statement = match after {
            None => sqlx::query(self.0.statements.list_dead_letters.clone()),
            Some(position) => sqlx::query(self.0.statements.list_dead_letters_after.clone())
                .bind(instant(position.at))
                .bind(position.conversation_id.as_uuid())
                .bind(number(position.number)),
        };
        let found = self.read(DOING, statement.bind(limit(rows))).await?;
        let letters = found.iter().map(dead_letter);
        letters.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    pub(super) async fn requeue_dead_letter(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        const DOING: &str = "requeueing an event";
        let ownership = self.ownership(step.publisher, step.now);
        let _writing = self.0.scan_watermark.writing_all(ownership.due().into_iter());
        let statement = |wait: LockWait| {
            let statement =
                sqlx::query(self.0.statements.requeue.clone()).bind(step.conversation_id.as_uuid());
            ownership
                .bind(statement)
                .bind(number(step.number))
                .bind(instant(step.now))
                .bind(wait.setting())
        };
        let answered = self
            .write_serialized(DOING, step.conversation_id, statement)
            .await?;
        let entry = answered
            .first()
            .map(|row| ownership.committed(row, step.conversation_id));
        Ok(match entry.transpose().map_err(unread(DOING))? {
            Some(entry) => Requeued::Done(entry),
            None => Requeued::NotFound,
        })
    }
}

fn dead_letter(row: &PgRow) -> Result<DeadLetter, Error> {
    Ok(DeadLetter::new(
        lanes::entry(row)?,
        row.try_get("why")?,
        rows::time(row, "dead_lettered_at")?,
    ))
}
