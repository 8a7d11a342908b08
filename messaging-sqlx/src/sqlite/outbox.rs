use async_trait::async_trait;
use messaging_core::{
    id::WorkerId,
    store::{
        Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, Lane, LaneDeferral, LaneFailure, LoadedEntry,
        OutboxStore, Progress, Requeue, Requeued, StoreError,
    },
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection};

use super::{
    SqliteStore,
    dead_letters::{self, DeadLetterEntry},
    error::failed,
    lanes::{self, lane_columns},
    load,
    writer::Step,
};
use crate::codes::{limit, number};

#[async_trait]
impl OutboxStore for SqliteStore {
    /// Admits the workers of one store at a time: the first store to claim, or to name a worker as publisher,
    /// excludes those of every other process until it is closed or dropped. Returns all due lanes, however long
    /// they have been due: an index of SQLite holds no dead rows, so no scan watermark is needed.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        self.0.workers.admit(Claim::DOING)?;
        self.write(*claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        const DOING: &str = "loading outbox entries";
        let mut snapshot = self.snapshot(DOING).await?;
        let loaded = load::entries(&mut snapshot, lanes, per_lane).await;
        loaded.map_err(failed(DOING))
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        self.write(Acknowledge {
            by,
            lease_until,
            done: done.to_vec(),
        })
        .await
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        self.write(Delay {
            by,
            deferrals: deferrals.to_vec(),
        })
        .await
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(DeadLetterEntry {
            by,
            lane: lane.clone(),
            letter: DeadLetter::new(entry.clone(), why.to_owned(), now),
        })
        .await
    }

    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut connection = self.reader(dead_letters::LISTING).await?;
        let listed = dead_letters::list(&mut connection, after, limit).await;
        listed.map_err(failed(dead_letters::LISTING))
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        let publisher = self.0.workers.admitted(step.publisher);
        self.write(step.with_publisher(publisher)).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        const DOING: &str = "measuring the backlog";
        let mut connection = self.reader(DOING).await?;
        backlog(&mut connection).await.map_err(failed(DOING))
    }

    async fn probe_writes(&self, _: Timestamp) -> Result<(), StoreError> {
        self.write(Probe).await
    }
}

pub(super) const DUE: &str = concat!(
    "SELECT ",
    lane_columns!(),
    " FROM lane l WHERE l.until <= ? ORDER BY l.until, l.conversation_id LIMIT ?"
);
pub(super) const OWN: &str = "UPDATE lane SET owner = ?, until = ? WHERE conversation_id = ?";
pub(super) const FORGET: &str = "DELETE FROM outbox WHERE conversation_id = ? AND number <= ?";
pub(super) const END: &str = "DELETE FROM lane WHERE conversation_id = ?1
    AND NOT EXISTS (SELECT 1 FROM outbox WHERE conversation_id = ?1)";
pub(super) const CONTINUE: &str = "UPDATE lane SET head = ?, until = ?, tries = 0, refusals = 0
    WHERE conversation_id = ?";
pub(super) const DEFER: &str = "UPDATE lane SET owner = NULL, until = ?,
    tries = MIN(tries + ?, 4294967295), refusals = MIN(refusals + ?, 4294967295)
    WHERE conversation_id = ? AND owner = ? AND until = ?";
/// Every unpublished event has a lane, so the cost is proportional to the number of lanes.
pub(super) const BACKLOG: &str = "SELECT COUNT(*) AS lanes, MIN((SELECT o.at FROM outbox o
    WHERE o.conversation_id = l.conversation_id ORDER BY o.number LIMIT 1)) AS oldest, MIN(l.until) AS next_due,
    (SELECT COUNT(*) FROM dead_letter) AS dead_letters FROM lane l";

impl Step for Claim {
    type Answer = Vec<Lane>;
    const DOING: &'static str = "claiming lanes";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Vec<Lane>, Error> {
        let due = sqlx::query(DUE)
            .bind(self.now.as_millis())
            .bind(limit(self.limit))
            .fetch_all(&mut *tx)
            .await?;
        let mut claimed: Vec<_> = due.iter().map(lanes::lane).collect::<Result<_, _>>()?;
        for lane in &mut claimed {
            lane.lease_until = self.lease_until;
            sqlx::query(OWN)
                .bind(self.by.as_uuid())
                .bind(self.lease_until.as_millis())
                .bind(lane.conversation_id.as_uuid())
                .execute(&mut *tx)
                .await?;
        }
        Ok(claimed)
    }
}

struct Acknowledge {
    by: WorkerId,
    lease_until: Timestamp,
    done: Vec<Progress>,
}

impl Step for Acknowledge {
    type Answer = Vec<Lane>;
    const DOING: &'static str = "acknowledging lanes";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Vec<Lane>, Error> {
        let mut going_on = Vec::new();
        for progress in &self.done {
            let id = progress.conversation_id;
            if !lanes::is_owned(tx, id, self.by, progress.lease_until).await? {
                continue;
            }
            sqlx::query(FORGET)
                .bind(id.as_uuid())
                .bind(number(progress.up_to))
                .execute(&mut *tx)
                .await?;
            let ended = sqlx::query(END).bind(id.as_uuid()).execute(&mut *tx).await?;
            if ended.rows_affected() > 0 {
                continue;
            }
            let head = progress.up_to.saturating_add(1);
            sqlx::query(CONTINUE)
                .bind(number(head))
                .bind(self.lease_until.as_millis())
                .bind(id.as_uuid())
                .execute(&mut *tx)
                .await?;
            going_on.push(Lane::new(id, head, self.lease_until));
        }
        Ok(going_on)
    }
}

struct Delay {
    by: WorkerId,
    deferrals: Vec<LaneDeferral>,
}

impl Step for Delay {
    type Answer = ();
    const DOING: &'static str = "deferring lanes";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for delay in &self.deferrals {
            sqlx::query(DEFER)
                .bind(delay.until.as_millis())
                .bind(delay.failure == LaneFailure::Transport)
                .bind(delay.failure == LaneFailure::Refused)
                .bind(delay.conversation_id.as_uuid())
                .bind(self.by.as_uuid())
                .bind(delay.lease_until.as_millis())
                .execute(&mut *tx)
                .await?;
        }
        Ok(())
    }
}

/// A write that changes no value, but does reach the disk.
struct Probe;

impl Step for Probe {
    type Answer = ();
    const DOING: &'static str = "trying to write";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        sqlx::query("UPDATE migration SET name = name WHERE version = 1")
            .execute(tx)
            .await
            .map(drop)
    }
}

async fn backlog(connection: &mut SqliteConnection) -> Result<Backlog, Error> {
    let row = sqlx::query(BACKLOG).fetch_one(connection).await?;
    let (oldest, next_due): (Option<i64>, Option<i64>) = (row.try_get("oldest")?, row.try_get("next_due")?);
    Ok(Backlog::default()
        .with_lanes(row.try_get("lanes")?)
        .with_oldest(oldest.map(Timestamp::from_millis))
        .with_next_due(next_due.map(Timestamp::from_millis))
        .with_dead_letters(row.try_get("dead_letters")?))
}
