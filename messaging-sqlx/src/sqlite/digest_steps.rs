//! The steps of a digest attempt: recording it, completing it, and postponing it.

use messaging_core::{
    domain::digest::Extent,
    id::UserId,
    store::{DigestAttempt, DigestLease, DigestPostponement},
    time::Timestamp,
};
use sqlx::{Error, SqliteConnection};

use super::{conversation_rows, writer::Step};
use crate::codes::{limit, number, side_code};

pub(super) struct Record {
    pub(super) lease: DigestLease,
    pub(super) attempt: DigestAttempt,
    pub(super) now: Timestamp,
}

/// Whether a user is under a given lease.
pub(super) const FIND_LEASE: &str =
    "SELECT EXISTS (SELECT 1 FROM digest_user WHERE user_id = ? AND owner = ? AND until = ?)";
pub(super) const BEGIN: &str = "UPDATE digest_user SET attempt_id = ?, attempt_at = ? WHERE user_id = ?";
pub(super) const ENTER: &str = "INSERT INTO digest_user_extent (user_id, place, conversation_id, side, up_to)
    VALUES (?, ?, ?, ?, ?)";
pub(super) const FORGET: &str = "DELETE FROM digest_user_extent WHERE user_id = ?";
pub(super) const FREE: &str =
    "UPDATE digest_user SET owner = NULL, until = NULL, deferrals = 0 WHERE user_id = ?";
pub(super) const RELEASE: &str =
    "UPDATE digest_user SET owner = NULL, until = NULL, deferrals = deferrals + ? WHERE user_id = ?";

async fn is_leased(tx: &mut SqliteConnection, lease: &DigestLease) -> Result<bool, Error> {
    sqlx::query_scalar(FIND_LEASE)
        .bind(lease.user_id.as_str())
        .bind(lease.by.as_uuid())
        .bind(lease.until.as_millis())
        .fetch_one(tx)
        .await
}

async fn set_attempt(
    tx: &mut SqliteConnection,
    user_id: &UserId,
    attempt: Option<&DigestAttempt>,
) -> Result<(), Error> {
    sqlx::query(BEGIN)
        .bind(attempt.map(|attempt| attempt.id.as_uuid()))
        .bind(attempt.map(|attempt| attempt.at.as_millis()))
        .bind(user_id.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query(FORGET)
        .bind(user_id.as_str())
        .execute(&mut *tx)
        .await?;
    let extents = attempt.map_or(&[][..], |attempt| &attempt.extents);
    for (place, extent) in (0_i64..).zip(extents) {
        sqlx::query(ENTER)
            .bind(user_id.as_str())
            .bind(place)
            .bind(extent.conversation_id.as_uuid())
            .bind(side_code(extent.side))
            .bind(number(extent.up_to))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

impl Step for Record {
    type Answer = bool;
    const DOING: &'static str = "recording a digest attempt";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        if self.now >= self.lease.until || !is_leased(tx, &self.lease).await? {
            return Ok(false);
        }
        set_attempt(tx, &self.lease.user_id, Some(&self.attempt)).await?;
        Ok(true)
    }
}

pub(super) struct MarkMailed {
    pub(super) user_id: UserId,
    pub(super) extents: Vec<Extent>,
    pub(super) again_at: Timestamp,
}

impl Step for MarkMailed {
    type Answer = ();
    const DOING: &'static str = "marking messages as mailed";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for extent in &self.extents {
            let found = conversation_rows::find(tx, extent.conversation_id).await?;
            if let Some(mut conversation) = found.filter(|one| *one.user(extent.side) == self.user_id) {
                conversation.mail(extent.side, extent.up_to, self.again_at);
                conversation_rows::save(tx, &conversation).await?;
            }
        }
        Ok(())
    }
}

pub(super) struct Finish {
    pub(super) lease: DigestLease,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) remember: usize,
}

pub(super) const REMEMBER: &str = "INSERT INTO digest_user_sent (user_id, place, at)
    VALUES (?1, (SELECT COALESCE(MAX(place), 0) + 1 FROM digest_user_sent WHERE user_id = ?1), ?2)";
pub(super) const FORGET_SENT: &str = "DELETE FROM digest_user_sent WHERE user_id = ?1 AND place <=
    (SELECT place FROM digest_user_sent WHERE user_id = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)";

impl Step for Finish {
    type Answer = bool;
    const DOING: &'static str = "completing a digest";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        if !is_leased(tx, &self.lease).await? {
            return Ok(false);
        }
        let user_id = &self.lease.user_id;
        set_attempt(tx, user_id, None).await?;
        sqlx::query(FREE).bind(user_id.as_str()).execute(&mut *tx).await?;
        if let Some(sent_at) = self.sent_at {
            let remembered = sqlx::query(REMEMBER)
                .bind(user_id.as_str())
                .bind(sent_at.as_millis());
            remembered.execute(&mut *tx).await?;
        }
        let forgotten = sqlx::query(FORGET_SENT)
            .bind(user_id.as_str())
            .bind(limit(self.remember));
        forgotten.execute(tx).await?;
        Ok(true)
    }
}

pub(super) struct Postpone(pub(super) Vec<DigestPostponement>);

pub(super) const POSTPONE: [&str; 2] = [
    "UPDATE conversation SET client_due_at = ?1
        WHERE client_id = ?2 AND client_received > client_read AND client_due_at < ?1",
    "UPDATE conversation SET agent_due_at = ?1
        WHERE agent_user_id = ?2 AND agent_received > agent_read AND agent_due_at < ?1",
];

impl Step for Postpone {
    type Answer = ();
    const DOING: &'static str = "postponing digests";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for hold in &self.0 {
            if !is_leased(tx, &hold.lease).await? {
                continue;
            }
            let user_id = &hold.lease.user_id;
            if hold.forget_attempt {
                set_attempt(tx, user_id, None).await?;
            }
            sqlx::query(RELEASE)
                .bind(hold.is_deferred)
                .bind(user_id.as_str())
                .execute(&mut *tx)
                .await?;
            for sql in POSTPONE {
                let held = sqlx::query(sql)
                    .bind(hold.until.as_millis())
                    .bind(user_id.as_str());
                held.execute(&mut *tx).await?;
            }
        }
        Ok(())
    }
}
