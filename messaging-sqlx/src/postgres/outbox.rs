use async_trait::async_trait;
use messaging_core::{
    id::WorkerId,
    store::{
        Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, Lane, LaneDeferral, LaneFailure, LoadedEntry,
        OutboxStore, Progress, Requeue, Requeued, StoreError,
    },
    time::Timestamp,
};
use sqlx::{Error, postgres::PgRow};

use super::{
    PgStore,
    by_index::{bounded, few, part},
    error::{failed, unread},
    lanes,
    rows::{count, instant, maybe_time},
};
use crate::codes::number;

#[async_trait]
impl OutboxStore for PgStore {
    /// Fails with [`ReadOnly`](messaging_core::store::StoreErrorKind::ReadOnly), caused by a
    /// [`ClockSkew`](super::ClockSkew), while the clocks are too far apart for leases.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        self.claim(claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        self.entries(lanes, per_lane).await
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        const DOING: &str = "acknowledging lanes";
        let _writing = self.0.scan_watermark.writing(lease_until);
        let ids: Vec<_> = done.iter().map(|one| one.conversation_id.as_uuid()).collect();
        let leases: Vec<_> = done.iter().map(|one| instant(one.lease_until)).collect();
        let numbers: Vec<_> = done.iter().map(|one| number(one.up_to)).collect();
        let statement = sqlx::query(self.0.statements.acknowledge.clone())
            .bind(by.as_uuid())
            .bind(ids)
            .bind(leases)
            .bind(numbers)
            .bind(instant(lease_until));
        let answered = self.write(DOING, statement).await?;
        let going_on = answered.iter().map(|row| lanes::claimed(row, lease_until));
        going_on.collect::<Result<_, _>>().map_err(unread(DOING))
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        const DOING: &str = "deferring lanes";
        let due = deferrals.iter().map(|one| one.until);
        let _writing = self.0.scan_watermark.writing_all(due);
        let ids: Vec<_> = deferrals
            .iter()
            .map(|one| one.conversation_id.as_uuid())
            .collect();
        let leases: Vec<_> = deferrals.iter().map(|one| instant(one.lease_until)).collect();
        let untils: Vec<_> = deferrals.iter().map(|one| instant(one.until)).collect();
        let counted = |kind: LaneFailure| -> Vec<i64> {
            deferrals
                .iter()
                .map(|one| i64::from(one.failure == kind))
                .collect()
        };
        let statement = sqlx::query(self.0.statements.defer_lanes.clone())
            .bind(by.as_uuid())
            .bind(ids)
            .bind(leases)
            .bind(untils)
            .bind(counted(LaneFailure::Transport))
            .bind(counted(LaneFailure::Refused));
        self.write(DOING, statement).await.map(drop)
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.move_to_dead_letters(by, lane, entry, why, now).await
    }

    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.dead_letters(after, limit).await
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        self.requeue_dead_letter(step).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        const DOING: &str = "measuring the backlog";
        let statement = sqlx::query(self.0.statements.backlog.clone());
        let answered = self.read(DOING, statement).await?;
        let row = answered.first().ok_or(Error::RowNotFound);
        row.and_then(backlog).map_err(failed(DOING))
    }

    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        self.try_write(now).await
    }
}

/// A condition that finds the lane of a row of `$row`, a part of the `WITH`, by the end of its lease, in the
/// index of due lanes: `l.until = lease_until AND l.conversation_id = conversation_id`.
///
/// A lane is created and deleted for nearly every message, and while any transaction of the database stays
/// open, each deleted row stays in the index on conversations: a look-up by conversation alone reads all of
/// them. No two of them have the same lease. The columns are compared as rows, since the planner prefers a
/// primary key, and bounded; see [`by_index`](super::by_index).
macro_rules! leased {
    ($row:literal) => {
        concat!(
            "(l.until, l.conversation_id) >= (",
            $row,
            ".lease_until, ",
            $row,
            ".conversation_id) AND (l.until, l.conversation_id) <= (",
            $row,
            ".lease_until, ",
            $row,
            ".conversation_id) AND ",
            bounded!("l.until", $row, "lease_until")
        )
    };
}

/// The lanes of `$2` that worker `$1` owns under the leases `$3`, locked in the common order of lane locks, as
/// they are after locking. Of two instructions for one lane the first counts. `$if` is one more condition.
macro_rules! owned_lanes {
    ($said:literal, $and:literal, $if:literal) => {
        concat!(
            "said AS (SELECT * FROM unnest($2::uuid[], $3::timestamptz[], ",
            $said,
            r#") WITH ORDINALITY
                AS said (conversation_id, lease_until, "#,
            $and,
            ", place) WHERE ",
            few!("place"),
            r#"),
            mine AS MATERIALIZED (SELECT l.head, l.tail, said.*
                FROM (SELECT DISTINCT ON (conversation_id, lease_until) * FROM said
                    ORDER BY conversation_id, lease_until, place) said
                CROSS JOIN LATERAL (SELECT * FROM "messaging".lane l WHERE "#,
            leased!("said"),
            " AND l.owner = $1",
            $if,
            " LIMIT 1 FOR UPDATE) l)"
        )
    };
}

/// `$1` worker, `$2` conversations, `$3` their leases, `$4` numbers, `$5` the new lease. Returns a row for each
/// lane that continues, in the order of the arguments.
///
/// No part joins the lanes with the rows of a table: the planner, which estimates one lane, would compare each of many with
/// each row. Entries are deleted by their place in the table, which is that of their insertion: no step updates them.
///
/// Commits without waiting for the disk: if a crash of the database loses it, its events are published a second
/// time and clients drop the duplicates. So a message costs one flush instead of two.
pub(super) const ACKNOWLEDGE: &str = concat!(
    "WITH ",
    owned_lanes!(
        "$4::bigint[]",
        "up_to",
        " AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'"
    ),
    r#", forgotten AS (DELETE FROM "messaging".outbox o USING (SELECT e.ctid FROM mine
            CROSS JOIN LATERAL (SELECT e.ctid FROM "messaging".outbox e WHERE e.conversation_id = mine.conversation_id
                AND e.number BETWEEN mine.head AND mine.up_to OFFSET 0) e) done
        WHERE o.ctid = done.ctid),
    ended AS (DELETE FROM "messaging".lane l
        WHERE l.conversation_id = ANY(ARRAY(SELECT conversation_id FROM mine WHERE tail <= up_to)) AND "#,
    bounded!("l.until", "mine", "lease_until"),
    r#"),
    more AS MATERIALIZED (SELECT * FROM mine WHERE tail > up_to),
    going_on AS (UPDATE "messaging".lane l SET head = more.up_to + 1, until = $5, tries = 0, refusals = 0
        FROM more WHERE "#,
    leased!("more"),
    r#" RETURNING l.conversation_id, l.head, l.tries, l.refusals, more.place)
    SELECT conversation_id, head, tries, refusals FROM going_on ORDER BY place"#
);

/// `$1` worker, `$2` conversations, `$3` their leases, `$4` until when, `$5` tries, `$6` refusals.
pub(super) const DEFER: &str = concat!(
    "WITH ",
    owned_lanes!(
        "$4::timestamptz[], $5::bigint[], $6::bigint[]",
        "until, tries, refusals",
        ""
    ),
    r#" UPDATE "messaging".lane l SET owner = NULL, until = mine.until,
        tries = LEAST(l.tries + mine.tries, 4294967295),
        refusals = LEAST(l.refusals + mine.refusals, 4294967295)
        FROM mine WHERE "#,
    leased!("mine")
);

/// Every unpublished event has a lane or waits for its number, so the cost is proportional to these, and
/// bounded by [`Backlog::MAX_COUNT`] of each kind.
pub(super) const BACKLOG: &str = concat!(
    r#"SELECT waiting.lanes + unnumbered.lanes AS lanes, LEAST(waiting.oldest, unnumbered.oldest) AS oldest,
        LEAST(waiting.next_due, unnumbered.oldest) AS next_due,
        (SELECT COUNT(*) FROM (SELECT FROM "messaging".dead_letter s WHERE "#,
    part!("s.dead_lettered_at"),
    r#" ORDER BY s.dead_lettered_at, s.conversation_id, s.number LIMIT 10000) s) AS dead_letters
    FROM (SELECT COUNT(*) AS lanes, MIN((SELECT o.at FROM "messaging".outbox o
            WHERE o.conversation_id = l.conversation_id AND o.number >= l.head ORDER BY o.number LIMIT 1)) AS oldest,
            MIN(l.until) AS next_due
        FROM (SELECT l.conversation_id, l.head, l.until FROM "messaging".lane l WHERE "#,
    part!("l.until"),
    r#" ORDER BY l.until, l.conversation_id LIMIT 10000) l) waiting,
    (SELECT COUNT(DISTINCT u.conversation_id) AS lanes, MIN(u.at) AS oldest
        FROM (SELECT * FROM "messaging".unnumbered u WHERE "#,
    part!("u.at"),
    r#" ORDER BY u.at, u.place LIMIT 10000) u
        WHERE (SELECT true FROM "messaging".lane l WHERE l.conversation_id = u.conversation_id LIMIT 1) IS NULL)
        unnumbered"#
);
const _: () = assert!(Backlog::MAX_COUNT == 10_000);

fn backlog(row: &PgRow) -> Result<Backlog, Error> {
    Ok(Backlog::default()
        .with_lanes(count(row, "lanes")?)
        .with_oldest(maybe_time(row, "oldest")?)
        .with_next_due(maybe_time(row, "next_due")?)
        .with_dead_letters(count(row, "dead_letters")?))
}
