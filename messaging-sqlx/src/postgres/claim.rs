//! Claiming lanes for a worker.

use std::{sync::atomic::Ordering, time::Duration};

use messaging_core::{
    store::{Claim, Lane, Publisher, StoreError, StoreErrorKind},
    time::Timestamp,
};
use sqlx::{Error, Row, postgres::PgRow};
use tokio::time::Instant;

use super::{
    ClockCheck, PgStore,
    by_index::{bounded, few},
    call::Statement,
    error::{Effect, unread},
    lanes::{self, Ownership},
    rows::{count, instant},
    scan_watermark::Found,
};
use crate::codes::limit;

/// `$1` worker, `$2` lease, `$3` now, `$4` since when, `$5` limit, `$6` how many seconds the clocks may differ,
/// null for any, `$7` when it was sent, by the clock of `$3`. Returns at least one row, with the database's
/// clock, and whether links made within host transactions wait for their number.
///
/// Skips lanes that another claim has locked, and lanes that were due when this statement began and have
/// changed since; the next claim returns them.
///
/// The check for waiting links is ordered, so that it uses the index: `EXISTS` may scan the table, including
/// all its dead rows.
pub(super) const CLAIM: &str = r#"
    WITH due AS (SELECT conversation_id, until FROM "messaging".lane
            WHERE until <= $3 AND until >= $4
            AND ($6::float8 IS NULL OR abs(extract(epoch FROM clock_timestamp() - $7)) <= $6)
            ORDER BY until, conversation_id LIMIT $5 FOR UPDATE SKIP LOCKED),
        claimed AS (UPDATE "messaging".lane l SET owner = $1, until = $2 FROM due
            WHERE l.conversation_id = due.conversation_id AND l.until = due.until
            AND l.until <= $3 AND l.until >= $4
            RETURNING l.conversation_id, l.head, l.tries, l.refusals, due.until AS waits_since)
    SELECT extract(epoch FROM clock_timestamp() - $7)::float8 AS skew,
        (SELECT true FROM "messaging".unnumbered WHERE at >= $4 ORDER BY at LIMIT 1) IS NOT NULL
            AS has_unnumbered,
        conversation_id, head, tries, refusals
    FROM (SELECT) AS always LEFT JOIN claimed ON true
    ORDER BY waits_since, conversation_id"#;

/// `$1` since when, `$2` limit, `$3` now. Numbers links made within host transactions in the order of their
/// requests, raises the access versions of their conversations, and makes their lanes due. Skips the links of a
/// conversation that another step has locked, so that they delay no others; a later call numbers them. Returns
/// one row: how many links were numbered.
pub(super) const NUMBER: &str = concat!(
    r#"WITH waiting AS MATERIALIZED (SELECT at, place, conversation_id FROM "messaging".unnumbered
            WHERE at >= $1 ORDER BY at, place LIMIT $2 FOR UPDATE SKIP LOCKED),
        locked AS MATERIALIZED (SELECT free.id FROM (SELECT DISTINCT conversation_id FROM waiting ORDER BY 1) w
            CROSS JOIN LATERAL (SELECT c.id FROM "messaging".conversation c WHERE c.id = w.conversation_id LIMIT 1
                FOR NO KEY UPDATE SKIP LOCKED) free),
        free AS MATERIALIZED (SELECT w.at, w.place FROM waiting w JOIN locked ON locked.id = w.conversation_id),
        taken AS (DELETE FROM "messaging".unnumbered u USING unnest(
                (SELECT array_agg(at ORDER BY at, place) FROM free),
                (SELECT array_agg(place ORDER BY at, place) FROM free)
            ) WITH ORDINALITY AS w (at, place, n) WHERE u.at = w.at AND u.place = w.place AND "#,
    few!("w.n"),
    " AND ",
    bounded!("u.at", "waiting", "at"),
    r#" RETURNING u.conversation_id, u.at, u.place),
        counted AS (SELECT conversation_id, COUNT(*) AS count FROM taken GROUP BY conversation_id),
        numbered AS (UPDATE "messaging".conversation c SET events = c.events + counted.count,
            access_version = c.access_version + counted.count FROM counted
            WHERE c.id = counted.conversation_id RETURNING c.id, c.events, c.events - counted.count AS before),
        entry AS (INSERT INTO "messaging".outbox (conversation_id, number, kind, side, seq, at)
            SELECT n.id, n.before + row_number() OVER (PARTITION BY n.id ORDER BY taken.at, taken.place),
                3, NULL, NULL, taken.at
            FROM taken JOIN numbered n ON n.id = taken.conversation_id),
        laned AS (INSERT INTO "messaging".lane AS l (conversation_id, head, tail, owner, until)
            SELECT id, before + 1, events, NULL, $3 FROM numbered ORDER BY id
            ON CONFLICT (conversation_id) DO UPDATE SET tail = EXCLUDED.tail)
    SELECT COUNT(*) AS count FROM taken"#
);

/// How many links one statement numbers.
const LINKS_AT_ONCE: usize = 256;

const DOING: &str = "claiming lanes";

/// The relay's clock and the database's are too far apart for leases: the cause of a [`StoreError`] of kind
/// [`ReadOnly`](StoreErrorKind::ReadOnly).
///
/// The database's time is compared with the interval from sending the claim to its answer, so neither a wait
/// for a connection nor a slow network counts as skew.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the database's clock is {skew:.3} s ahead of this process's (behind, if negative), and leases bear {tolerated:?}"
)]
pub struct ClockSkew {
    /// How far the database's clock is ahead, in seconds; negative when it is behind.
    pub skew: f64,
    /// How far the clocks may be apart: a third of a lease.
    pub tolerated: Duration,
}

impl PgStore {
    /// Claims near the [scan watermark](super::scan_watermark), or everything that is due.
    pub(super) async fn claim(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        let watermark = &self.0.scan_watermark;
        // Lanes of links are due from the claim's time on, and claimed ones at the end of the lease.
        let _writing = watermark.writing(claim.now.min(claim.lease_until));
        let scan = watermark.begin(claim);
        let (lanes, found) = self.claim_since(claim, scan.since).await?;
        watermark.note(scan, found);
        Ok(lanes)
    }

    async fn claim_since(&self, claim: &Claim, since: Timestamp) -> Result<(Vec<Lane>, Found), StoreError> {
        let answered = self.claim_rows(claim, since).await?;
        let mut lanes = claimed(&answered, claim.lease_until).map_err(unread(DOING))?;
        let mut has_unnumbered = has_unnumbered(&answered)?;
        let room = claim.limit.saturating_sub(lanes.len());
        if has_unnumbered && room > 0 {
            let mut rest = *claim;
            rest.limit = room;
            match self.claim_numbered(&rest, since).await {
                Ok((more, are_left)) => {
                    lanes.extend(more);
                    has_unnumbered = are_left;
                }
                // The claimed lanes are returned nevertheless: the next claim finds the links again.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "booking links of host transactions were not numbered; the next claim retries"
                    );
                }
            }
        }
        let found = if has_unnumbered || lanes.len() >= claim.limit {
            Found::Part
        } else {
            Found::Everything
        };
        Ok((lanes, found))
    }

    /// Numbers all waiting links, including several of one conversation, and claims the lanes that became due.
    /// Returns them, and whether links are left.
    async fn claim_numbered(&self, claim: &Claim, since: Timestamp) -> Result<(Vec<Lane>, bool), StoreError> {
        loop {
            let statement = sqlx::query(self.0.statements.number.clone())
                .bind(instant(since))
                .bind(limit(LINKS_AT_ONCE))
                .bind(instant(claim.now));
            let answered = self.write(DOING, statement).await?;
            let first = answered.first().ok_or(Error::RowNotFound);
            let taken = first.and_then(|row| count(row, "count")).map_err(unread(DOING))?;
            if taken < LINKS_AT_ONCE as u64 {
                break;
            }
        }
        let answered = self.claim_rows(claim, since).await?;
        let lanes = claimed(&answered, claim.lease_until).map_err(unread(DOING))?;
        Ok((lanes, has_unnumbered(&answered)?))
    }

    async fn claim_rows(&self, claim: &Claim, since: Timestamp) -> Result<Vec<PgRow>, StoreError> {
        let tolerated = claim.lease_until.since(claim.now) / 3;
        self.rows_by_clock(DOING, claim.now, tolerated, |sent, tolerated| {
            sqlx::query(self.0.statements.claim.clone())
                .bind(claim.by.as_uuid())
                .bind(instant(claim.lease_until))
                .bind(instant(claim.now))
                .bind(instant(since))
                .bind(limit(claim.limit))
                .bind(tolerated)
                .bind(instant(sent))
        })
        .await
    }

    /// Executes a step that requires agreeing clocks. `statement` builds it from the time of sending and from
    /// the tolerated difference in seconds; its answer's column `skew` holds how many seconds the database's
    /// clock was ahead of the time of sending.
    pub(super) async fn rows_by_clock<'q>(
        &'q self,
        doing: &'static str,
        now: Timestamp,
        tolerated: Duration,
        statement: impl FnOnce(Timestamp, Option<f64>) -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let asked = started();
        // The connection is acquired before the statement is built: that wait is no clock difference.
        self.admit(doing).await?;
        let acquired = self.0.caller.connect().await;
        let acquired = acquired.map_err(|failure| failure.of(doing, Effect::Writes))?;
        let sent = now + asked.elapsed();
        let is_checked = self.0.clock_check == ClockCheck::On;
        let statement = statement(sent, is_checked.then_some(tolerated.as_secs_f64()));
        let answered = self.0.caller.call_on(acquired, statement).await;
        let answered = answered.map_err(|failure| failure.of(doing, Effect::Writes))?;
        if is_checked {
            let under_way = (now + asked.elapsed()).since(sent);
            let first = answered.first().ok_or(Error::RowNotFound);
            let ahead = first.and_then(|row| row.try_get("skew")).map_err(unread(doing))?;
            let skew = beyond(ahead, under_way);
            self.compare_clocks(doing, ClockSkew { skew, tolerated })?;
        }
        Ok(answered)
    }

    fn compare_clocks(&self, doing: &'static str, found: ClockSkew) -> Result<(), StoreError> {
        let is_skewed = found.skew.abs() > found.tolerated.as_secs_f64();
        let was_skewed = self.0.is_skewed.swap(is_skewed, Ordering::AcqRel);
        if is_skewed {
            return Err(StoreError::new(StoreErrorKind::ReadOnly, doing).caused_by(found));
        }
        if was_skewed {
            tracing::info!("the database's clock agrees with this process's again; claiming resumes");
        }
        Ok(())
    }

    /// Returns the owner of a lane that a step at `now` may create: the publisher, unless its clock is known to
    /// be off. An unowned lane is due by the database's clock where clocks are compared.
    pub(super) fn ownership(&self, publisher: Publisher, now: Timestamp) -> Ownership {
        let is_checked = self.0.clock_check == ClockCheck::On;
        match publisher {
            // The clock of a process without workers may never have been compared.
            Publisher::Anyone if is_checked => Ownership::UnownedNow,
            Publisher::Worker { .. } if self.0.is_skewed.load(Ordering::Acquire) => Ownership::UnownedNow,
            _ => Ownership::of(publisher, now),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a call takes is measured beside the clock that is compared"
)]
fn started() -> Instant {
    Instant::now()
}

/// Returns how many seconds the database's clock is outside of the call's interval, given how many seconds it
/// was ahead at the start of the call.
fn beyond(ahead: f64, under_way: Duration) -> f64 {
    if ahead < 0.0 {
        ahead
    } else {
        (ahead - under_way.as_secs_f64()).max(0.0)
    }
}

fn has_unnumbered(answered: &[PgRow]) -> Result<bool, StoreError> {
    let first = answered.first().ok_or(Error::RowNotFound);
    let links = first.and_then(|row| row.try_get("has_unnumbered"));
    links.map_err(unread(DOING))
}

fn claimed(answered: &[PgRow], lease_until: Timestamp) -> Result<Vec<Lane>, Error> {
    let mut lanes = Vec::new();
    for row in answered {
        if row.try_get::<Option<uuid::Uuid>, _>("conversation_id")?.is_some() {
            lanes.push(lanes::claimed(row, lease_until)?);
        }
    }
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_skew_beyond_the_duration_of_the_call_counts() {
        let check = |ahead: f64, seconds, expected: f64| {
            let found = beyond(ahead, Duration::from_secs(seconds));
            assert!((found - expected).abs() < 1e-9, "{ahead} in {seconds} s: {found}");
        };
        check(0.5, 1, 0.0);
        // The request or the answer may have been slow.
        check(4.0, 5, 0.0);
        check(0.0, 5, 0.0);
        check(9.0, 5, 4.0);
        check(-2.0, 5, -2.0);
    }
}
