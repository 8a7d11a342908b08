use async_trait::async_trait;
use messaging_core::{
    id::WorkerId,
    port::store::{
        Backlog, Claim, Entry, Lane, LaneDelay, LaneFailure, LoadedEntry, Outbox, Progress, Requeue,
        Requeued, SetAside, StoreError,
    },
    time::Timestamp,
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::{failed, unread},
    lanes::{self, entry_columns, publish},
    rows::{self, count, instant, maybe_time},
};
use crate::codes::{limit, number};

#[async_trait]
impl Outbox for PgStore {
    /// Fails with [`ReadOnly`](messaging_core::port::store::StoreErrorKind::ReadOnly), caused by a
    /// [`ClockSkew`](super::ClockSkew), while the clocks are too far apart for leases.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        self.claim(claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        self.entries(lanes, per_lane).await
    }

    async fn settle(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        const DOING: &str = "settling lanes";
        let ids: Vec<_> = done.iter().map(|one| one.conversation_id.as_uuid()).collect();
        let leases: Vec<_> = done.iter().map(|one| instant(one.lease_until)).collect();
        let numbers: Vec<_> = done.iter().map(|one| number(one.up_to)).collect();
        let statement = sqlx::query(self.0.statements.settle.clone())
            .bind(by.as_uuid())
            .bind(ids)
            .bind(leases)
            .bind(numbers)
            .bind(instant(lease_until));
        let answered = self.write(DOING, statement).await?;
        let going_on = answered.iter().map(|row| lanes::claimed(row, lease_until));
        going_on.collect::<Result<_, _>>().map_err(unread(DOING))
    }

    async fn delay_lanes(&self, by: WorkerId, delays: &[LaneDelay]) -> Result<(), StoreError> {
        const DOING: &str = "letting go of lanes";
        let ids: Vec<_> = delays.iter().map(|one| one.conversation_id.as_uuid()).collect();
        let leases: Vec<_> = delays.iter().map(|one| instant(one.lease_until)).collect();
        let untils: Vec<_> = delays.iter().map(|one| instant(one.until)).collect();
        let counted = |kind: LaneFailure| -> Vec<i64> {
            delays.iter().map(|one| i64::from(one.failure == kind)).collect()
        };
        let statement = sqlx::query(self.0.statements.let_go.clone())
            .bind(by.as_uuid())
            .bind(ids)
            .bind(leases)
            .bind(untils)
            .bind(counted(LaneFailure::Transport))
            .bind(counted(LaneFailure::Refused));
        self.write(DOING, statement).await.map(drop)
    }

    async fn set_aside(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(self.0.statements.take_out.clone())
            .bind(by.as_uuid())
            .bind(lane.conversation_id.as_uuid())
            .bind(instant(lane.lease_until))
            .bind(number(entry.number))
            // The one character that a text of PostgreSQL cannot hold.
            .bind(why.replace('\0', ""))
            .bind(instant(now));
        self.write("setting an event aside", statement).await.map(drop)
    }

    async fn list_set_aside(&self, rows: usize) -> Result<Vec<SetAside>, StoreError> {
        const DOING: &str = "listing events set aside";
        let statement = sqlx::query(self.0.statements.list_set_aside.clone()).bind(limit(rows));
        let found = self.read(DOING, statement).await?;
        let kept = found.iter().map(set_aside);
        kept.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        const DOING: &str = "requeueing an event";
        let ownership = self.ownership(step.publisher, step.now);
        let statement = sqlx::query(self.0.statements.requeue.clone()).bind(step.conversation_id.as_uuid());
        let statement = ownership
            .bind(statement)
            .bind(number(step.number))
            .bind(instant(step.now));
        let answered = self.write(DOING, statement).await?;
        let lane = answered
            .first()
            .map(|row| ownership.given(row, step.conversation_id));
        Ok(match lane.transpose().map_err(unread(DOING))? {
            Some(lane) => Requeued::Done { lane },
            None => Requeued::NotSetAside,
        })
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        const DOING: &str = "measuring the backlog";
        let statement = sqlx::query(self.0.statements.backlog.clone());
        let answered = self.read(DOING, statement).await?;
        let row = answered.first().ok_or(Error::RowNotFound);
        row.and_then(backlog).map_err(failed(DOING))
    }
}

/// The lanes of `$2` that `$1` owns under the leases `$3`, locked in the order in which everybody locks lanes,
/// and as they are once that has been done. Of two words on one lane the first counts.
macro_rules! owned_lanes {
    ($said:literal, $and:literal) => {
        concat!(
            "said AS (SELECT * FROM unnest($2::uuid[], $3::timestamptz[], ",
            $said,
            r#") WITH ORDINALITY
                AS said (conversation_id, lease_until, "#,
            $and,
            r#", place)),
            mine AS MATERIALIZED (SELECT l.conversation_id, l.tail, said.place FROM "messaging".lane l
                JOIN (SELECT DISTINCT ON (conversation_id, lease_until) * FROM said
                    ORDER BY conversation_id, lease_until, place) said
                ON said.conversation_id = l.conversation_id AND said.lease_until = l.until
                WHERE l.owner = $1 ORDER BY l.conversation_id FOR UPDATE OF l)"#
        )
    };
}

/// `$1` worker, `$2` conversations, `$3` their leases, `$4` numbers, `$5` the new lease. A row for each lane
/// that goes on, in the order in which they were given.
pub(super) const SETTLE: &str = concat!(
    "WITH ",
    owned_lanes!("$4::bigint[]", "up_to"),
    r#", done AS (SELECT mine.conversation_id, mine.tail, said.up_to, place FROM mine JOIN said USING (place)),
    forgotten AS (DELETE FROM "messaging".outbox o USING done
        WHERE o.conversation_id = done.conversation_id AND o.number <= done.up_to),
    ended AS (DELETE FROM "messaging".lane l USING done
        WHERE l.conversation_id = done.conversation_id AND done.tail <= done.up_to),
    going_on AS (UPDATE "messaging".lane l SET head = done.up_to + 1, until = $5, tries = 0, refusals = 0
        FROM done WHERE l.conversation_id = done.conversation_id AND done.tail > done.up_to
        RETURNING l.conversation_id, l.head, l.tries, l.refusals, done.place)
    SELECT conversation_id, head, tries, refusals FROM going_on ORDER BY place"#
);

/// `$1` worker, `$2` conversations, `$3` their leases, `$4` until when, `$5` tries, `$6` refusals.
pub(super) const LET_GO: &str = concat!(
    "WITH ",
    owned_lanes!(
        "$4::timestamptz[], $5::bigint[], $6::bigint[]",
        "until, tries, refusals"
    ),
    r#" UPDATE "messaging".lane l SET owner = NULL, until = said.until,
        tries = LEAST(l.tries + said.tries, 4294967295),
        refusals = LEAST(l.refusals + said.refusals, 4294967295)
        FROM mine JOIN said USING (place) WHERE l.conversation_id = mine.conversation_id"#
);

/// `$1` worker, `$2` conversation, `$3` lease, `$4` number, `$5` why, `$6` now. A lane never has its tail
/// where no entry is: it would be settled up to its last entry, and not end.
pub(super) const TAKE_OUT: &str = r#"
    WITH mine AS MATERIALIZED (SELECT conversation_id, head, tail FROM "messaging".lane
            WHERE conversation_id = $2 AND owner = $1 AND until = $3 FOR UPDATE),
        taken AS (DELETE FROM "messaging".outbox o USING mine
            WHERE o.conversation_id = mine.conversation_id AND o.number = $4
            RETURNING o.conversation_id, o.number, o.kind, o.side, o.seq, o.at),
        kept AS (INSERT INTO "messaging".set_aside (conversation_id, number, kind, side, seq, at, why,
                set_aside_at)
            SELECT conversation_id, number, kind, side, seq, at, $5, $6 FROM taken)
    UPDATE "messaging".lane l SET tail = COALESCE((SELECT MAX(o.number) FROM "messaging".outbox o
            WHERE o.conversation_id = l.conversation_id AND o.number < $4), 0)
        FROM mine JOIN taken USING (conversation_id)
        WHERE l.conversation_id = mine.conversation_id AND mine.tail = $4"#;

pub(super) const LIST_SET_ASIDE: &str = concat!(
    "SELECT ",
    entry_columns!(),
    r#", o.why, o.set_aside_at FROM "messaging".set_aside o ORDER BY o.place LIMIT $1"#
);

/// `$1` conversation, `$2` owner, `$3` lease, `$4` number, `$5` now. One row if it was set aside.
pub(super) const REQUEUE: &str = concat!(
    r#"WITH taken AS (DELETE FROM "messaging".set_aside s WHERE s.conversation_id = $1 AND s.number = $4
        RETURNING s.conversation_id, s.kind, s.side, s.seq),
    changed AS (UPDATE "messaging".conversation c SET events = c.events + 1 FROM taken
        WHERE c.id = taken.conversation_id
        RETURNING c.id, c.events, taken.kind, taken.side, taken.seq),
    "#,
    publish!("changed", "kind, side, seq, $5"),
    "SELECT head, is_new FROM changed LEFT JOIN laned ON true"
);

/// Whatever is unpublished has a lane or waits for its number, so this costs in proportion to these.
pub(super) const BACKLOG: &str = r#"
    SELECT waiting.lanes + unnumbered.lanes AS lanes, LEAST(waiting.oldest, unnumbered.oldest) AS oldest,
        (SELECT COUNT(*) FROM "messaging".set_aside) AS set_aside
    FROM (SELECT COUNT(*) AS lanes, MIN((SELECT o.at FROM "messaging".outbox o
            WHERE o.conversation_id = l.conversation_id ORDER BY o.number LIMIT 1)) AS oldest
        FROM "messaging".lane l) waiting,
    (SELECT COUNT(DISTINCT u.conversation_id) AS lanes, MIN(u.at) AS oldest FROM "messaging".unnumbered u
        WHERE NOT EXISTS (SELECT FROM "messaging".lane l WHERE l.conversation_id = u.conversation_id)) unnumbered"#;

fn set_aside(row: &PgRow) -> Result<SetAside, Error> {
    Ok(SetAside {
        entry: lanes::entry(row)?,
        why: row.try_get("why")?,
        at: rows::time(row, "set_aside_at")?,
    })
}

fn backlog(row: &PgRow) -> Result<Backlog, Error> {
    Ok(Backlog {
        lanes: count(row, "lanes")?,
        oldest: maybe_time(row, "oldest")?,
        set_aside: count(row, "set_aside")?,
    })
}
