//! E-mail digests and push admission.

use std::time::Duration;

use async_trait::async_trait;
use messaging_core::{
    domain::{digest::Extent, side::Side, unmailed::Unmailed},
    id::{ConversationId, DigestId, UserId, WorkerId},
    store::{
        DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Excerpt,
        PushMark, PushStore, StoreError,
    },
    time::Timestamp,
};
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    PgStore,
    digest_sql::SIDES_AT_ONCE,
    error::{corrupt, failed, unread},
    rows::{self, count, instant, maybe_time, time},
    target_locks::LockWait,
};
use crate::codes::{limit, number, side_code, side_of_code};

/// How often a claim is repeated whose users were all claimed by others: more often than there are workers that claim at the
/// same time.
const MAX_LOST_CLAIMS: u32 = 100;

/// The longest pause after such a claim, in milliseconds: several times as long as a claim takes.
const MAX_PAUSE: u64 = 50;

#[async_trait]
impl DigestStore for PgStore {
    /// Fails with [`ReadOnly`](messaging_core::store::StoreErrorKind::ReadOnly), caused by a
    /// [`ClockSkew`](super::ClockSkew), while the clocks are too far apart for leases.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        // Each time another worker has claimed the same users, and so has got ahead.
        for lost in 0..MAX_LOST_CLAIMS {
            if let Some(claimed) = self.try_claim_digests(claim).await? {
                return Ok(claimed);
            }
            sleep(pause(claim.by, lost)).await;
        }
        Ok(Vec::new())
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        const DOING: &str = "listing unmailed messages";
        let users: Vec<_> = users.iter().map(UserId::as_str).collect();
        let statement = sqlx::query(self.0.statements.unmailed.clone()).bind(users);
        let answered = self.read(DOING, statement).await?;
        let unmailed = |row: &PgRow| -> Result<Unmailed, Error> {
            Ok(Unmailed::new(
                rows::conversation(row)?,
                side(row, "side")?,
                time(row, "oldest")?,
            ))
        };
        answered
            .iter()
            .map(unmailed)
            .collect::<Result<_, _>>()
            .map_err(failed(DOING))
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (conversations, sides, up_tos) = columns(&attempt.extents);
        let statement = sqlx::query(self.0.statements.record_attempt.clone())
            .bind(lease.user_id.as_str())
            .bind(lease.by.as_uuid())
            .bind(instant(lease.until))
            .bind(attempt.id.as_uuid())
            .bind(instant(attempt.at))
            .bind(conversations)
            .bind(sides)
            .bind(up_tos)
            .bind(instant(now));
        let answered = self.write("recording a digest attempt", statement).await?;
        Ok(!answered.is_empty())
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        const DOING: &str = "loading messages to mail";
        let (conversations, sides, up_tos) = columns(extents);
        let statement = sqlx::query(self.0.statements.excerpts.clone())
            .bind(conversations)
            .bind(sides)
            .bind(up_tos)
            .bind(limit(messages))
            .bind(number(Excerpt::MAX_COUNT));
        let answered = self.read(DOING, statement).await?;
        excerpts(&answered).map_err(failed(DOING))
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (conversations, sides, up_tos) = columns(extents);
        let statement = |wait: LockWait| {
            sqlx::query(self.0.statements.mark_mailed.clone())
                .bind(user_id.as_str())
                .bind(conversations.clone())
                .bind(sides.clone())
                .bind(up_tos.clone())
                .bind(instant(again_at))
                .bind(wait.setting())
        };
        let answered = self.write_locking("marking messages as mailed", statement).await;
        answered.map(drop)
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        let sent: Vec<_> = sent_at.map(instant).into_iter().collect();
        let statement = sqlx::query(self.0.statements.complete_digest.clone())
            .bind(lease.user_id.as_str())
            .bind(lease.by.as_uuid())
            .bind(instant(lease.until))
            .bind(sent)
            .bind(i32::try_from(remember).unwrap_or(i32::MAX));
        let answered = self.write("completing a digest", statement).await?;
        Ok(!answered.is_empty())
    }

    /// Skips a conversation that another step has locked: its due time is kept, and it is examined again
    /// sooner.
    async fn postpone_digests(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError> {
        let users: Vec<_> = postponements
            .iter()
            .map(|hold| hold.lease.user_id.as_str())
            .collect();
        let owners: Vec<_> = postponements.iter().map(|hold| hold.lease.by.as_uuid()).collect();
        let leases: Vec<_> = postponements
            .iter()
            .map(|hold| instant(hold.lease.until))
            .collect();
        let untils: Vec<_> = postponements.iter().map(|hold| instant(hold.until)).collect();
        let forgets: Vec<_> = postponements.iter().map(|hold| hold.forget_attempt).collect();
        let deferred: Vec<_> = postponements.iter().map(|hold| hold.is_deferred).collect();
        let statement = sqlx::query(self.0.statements.postpone_digests.clone())
            .bind(users)
            .bind(owners)
            .bind(leases)
            .bind(untils)
            .bind(forgets)
            .bind(deferred);
        self.write("postponing digests", statement).await.map(drop)
    }
}

#[async_trait]
impl PushStore for PgStore {
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        let statement = sqlx::query(self.0.statements.admit_push.clone())
            .bind(push.conversation_id.as_uuid())
            .bind(side_code(push.side))
            .bind(number(push.seq))
            .bind(instant(push.now))
            .bind(instant(push.not_since));
        let answered = self.write("admitting a push", statement).await?;
        Ok(!answered.is_empty())
    }
}

fn columns(extents: &[Extent]) -> (Vec<Uuid>, Vec<i16>, Vec<i64>) {
    let conversations = extents.iter().map(|one| one.conversation_id.as_uuid()).collect();
    let sides = extents.iter().map(|one| side_code(one.side)).collect();
    let up_tos = extents.iter().map(|one| number(one.up_to)).collect();
    (conversations, sides, up_tos)
}

fn side(row: &PgRow, column: &str) -> Result<Side, Error> {
    known_side(row.try_get(column)?)
}

fn known_side(code: i16) -> Result<Side, Error> {
    side_of_code(code).ok_or_else(|| corrupt("a stored code is not that of a side"))
}

/// Reads a claimed user; `None` for the row that is returned when no user is due.
/// A pause that differs between workers, so that those that met once do not meet again.
fn pause(worker: WorkerId, lost: u32) -> Duration {
    let (_, random) = worker.as_uuid().as_u64_pair();
    Duration::from_millis(random.rotate_left(8 * lost) % MAX_PAUSE)
}

impl PgStore {
    /// Returns `None` if users were due, but concurrent claims took all of them.
    async fn try_claim_digests(&self, claim: &DigestClaim) -> Result<Option<Vec<DigestUser>>, StoreError> {
        const DOING: &str = "claiming digest users";
        let tolerated = claim.lease_until.since(claim.now) / 3;
        let answered = self.rows_by_clock(DOING, claim.now, tolerated, |sent, tolerated| {
            sqlx::query(self.0.statements.claim_digests.clone())
                .bind(claim.by.as_uuid())
                .bind(instant(claim.lease_until))
                .bind(instant(claim.now))
                .bind(limit(claim.limit))
                .bind(limit(claim.limit.saturating_mul(SIDES_AT_ONCE)))
                .bind(tolerated)
                .bind(instant(sent))
        });
        let answered = answered.await?;
        let claimed = answered.iter().map(|row| digest_user(row, claim));
        let claimed: Result<Vec<_>, _> = claimed.collect();
        let claimed: Vec<_> = claimed.map_err(unread(DOING))?.into_iter().flatten().collect();
        let first = answered.first().ok_or(Error::RowNotFound);
        let due = first.and_then(|row| count(row, "due")).map_err(unread(DOING))?;
        Ok((due == 0 || !claimed.is_empty()).then_some(claimed))
    }
}

fn digest_user(row: &PgRow, claim: &DigestClaim) -> Result<Option<DigestUser>, Error> {
    if row.try_get::<Option<&str>, _>("user_id")?.is_none() {
        return Ok(None);
    }
    let sent: Vec<DateTime<Utc>> = row.try_get("sent")?;
    Ok(Some(
        DigestUser::new(DigestLease::new(
            rows::user_id(row, "user_id")?,
            claim.by,
            claim.lease_until,
        ))
        .with_attempt(attempt(row)?)
        .with_sent(sent.into_iter().map(Timestamp::from).collect())
        .with_deferrals(u32::try_from(row.try_get::<i32, _>("deferrals")?).map_err(corrupt)?),
    ))
}

fn attempt(row: &PgRow) -> Result<Option<DigestAttempt>, Error> {
    let (id, at): (Option<Uuid>, _) = (row.try_get("attempt_id")?, maybe_time(row, "attempt_at")?);
    let Some((id, at)) = id.zip(at) else {
        return Ok(None);
    };
    let conversations: Vec<Uuid> = row.try_get("extent_conversations")?;
    let sides: Vec<i16> = row.try_get("extent_sides")?;
    let up_tos: Vec<i64> = row.try_get("extent_up_tos")?;
    let extents = conversations.into_iter().zip(sides).zip(up_tos);
    let extent = |((conversation_id, side), up_to)| -> Result<Extent, Error> {
        Ok(Extent::new(
            ConversationId::new(conversation_id),
            known_side(side)?,
            u64::try_from(up_to).map_err(corrupt)?,
        ))
    };
    Ok(Some(DigestAttempt::new(
        DigestId::new(id),
        extents.map(extent).collect::<Result<_, _>>()?,
        at,
    )))
}

/// Reads one row per message, or one row without a message for an extent without any.
fn excerpts(answered: &[PgRow]) -> Result<Vec<Excerpt>, Error> {
    let mut excerpts: Vec<Excerpt> = Vec::new();
    let mut place = 0;
    for row in answered {
        if row.try_get::<i64, _>("place")? != place {
            place = row.try_get("place")?;
            let conversation = rows::conversation(row)?;
            excerpts.push(
                Excerpt::new(
                    Extent::new(conversation.id, side(row, "side")?, count(row, "up_to")?),
                    conversation,
                )
                .with_booking_id(rows::booking_id(row)?)
                .with_messages(
                    row.try_get::<Option<i64>, _>("told")?
                        .map_or(Ok(0), u64::try_from)
                        .map_err(corrupt)?,
                ),
            );
        }
        if let Some(excerpt) = excerpts.last_mut()
            && rows::has_message(row)?
        {
            excerpt.first.push(rows::message(row)?);
        }
    }
    Ok(excerpts)
}
