//! Who is to be mailed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use messaging_core::{
    domain::{
        digest::{Extent, Unmailed},
        side::Side,
    },
    id::{DigestId, UserId},
    port::store::{
        DigestAttempt, DigestClaim, DigestHold, DigestLease, Digests, DueUser, Excerpt, PushMark, StoreError,
    },
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection};
use uuid::Uuid;

use super::{
    SqliteStore, conversations,
    error::{damaged, failed},
    rows::{self, booking_column, conversation_columns, message_columns},
    writer::Step,
};
use crate::codes::{limit, number, side_code, side_of_code};

#[async_trait]
impl Digests for SqliteStore {
    /// Admits the workers of one store at a time, as
    /// [`claim_lanes`](messaging_core::port::store::Outbox::claim_lanes) does.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DueUser>, StoreError> {
        self.0.workers.admit(DigestClaim::DOING)?;
        self.write(*claim).await
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        const DOING: &str = "listing what is not mailed";
        let mut snapshot = self.snapshot(DOING).await?;
        unmailed(&mut snapshot, users).await.map_err(failed(DOING))
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(Record {
            lease: lease.clone(),
            attempt: attempt.clone(),
            now,
        })
        .await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        const DOING: &str = "loading what is to be mailed";
        let mut snapshot = self.snapshot(DOING).await?;
        let loaded = excerpts(&mut snapshot, extents, messages).await;
        loaded.map_err(failed(DOING))
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(MarkMailed {
            user_id: user_id.clone(),
            extents: extents.to_vec(),
            again_at,
        })
        .await
    }

    async fn finish_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        self.write(Finish {
            lease: lease.clone(),
            sent_at,
            remember,
        })
        .await
    }

    async fn hold_digests(&self, holds: &[DigestHold]) -> Result<(), StoreError> {
        self.write(Hold(holds.to_vec())).await
    }

    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        self.write(*push).await
    }
}

/// By the expression of its index.
macro_rules! due_at {
    () => {
        "MIN(COALESCE(c.client_due_at, c.agent_due_at), COALESCE(c.agent_due_at, c.client_due_at))"
    };
}
macro_rules! leased {
    ($user:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM recipient r WHERE r.user_id = c.",
            $user,
            " AND r.until > ?1)"
        )
    };
}

/// `?1` now, `?2` at most how many conversations.
pub(super) const DUE: &str = concat!(
    "SELECT c.client_id AS client, c.client_due_at AS client_at, ",
    leased!("client_id"),
    " AS client_leased, c.agent_user_id AS agent, c.agent_due_at AS agent_at, ",
    leased!("agent_user_id"),
    " AS agent_leased FROM conversation c WHERE ",
    due_at!(),
    " <= ?1 AND (c.client_due_at IS NOT NULL OR c.agent_due_at IS NOT NULL)
    AND (c.client_due_at <= ?1 AND NOT ",
    leased!("client_id"),
    " OR c.agent_due_at <= ?1 AND NOT ",
    leased!("agent_user_id"),
    ") ORDER BY ",
    due_at!(),
    " LIMIT ?2"
);
pub(super) const LEASE: &str = "INSERT INTO recipient (user_id, owner, until) VALUES (?1, ?2, ?3)
    ON CONFLICT (user_id) DO UPDATE SET owner = excluded.owner, until = excluded.until
    RETURNING attempt_id, attempt_at";
pub(super) const EXTENTS: &str =
    "SELECT conversation_id, side, up_to FROM recipient_extent WHERE user_id = ? ORDER BY place";
pub(super) const SENT: &str = "SELECT at FROM recipient_sent WHERE user_id = ? ORDER BY place";

/// How many conversations that are due are looked at for each user that is wanted: a user may have many.
const CONVERSATIONS_AT_ONCE: usize = 20;

impl Step for DigestClaim {
    type Answer = Vec<DueUser>;
    const DOING: &'static str = "claiming users to mail";

    async fn take(self, tx: &mut SqliteConnection) -> Result<Vec<DueUser>, Error> {
        let rows = sqlx::query(DUE)
            .bind(self.now.as_millis())
            .bind(limit(self.limit.saturating_mul(CONVERSATIONS_AT_ONCE)))
            .fetch_all(&mut *tx)
            .await?;
        let mut due: BTreeMap<UserId, Timestamp> = BTreeMap::new();
        for row in &rows {
            for (user, at, leased) in [
                ("client", "client_at", "client_leased"),
                ("agent", "agent_at", "agent_leased"),
            ] {
                let at: Option<i64> = row.try_get(at)?;
                let at = at.map(Timestamp::from_millis).filter(|at| *at <= self.now);
                let is_leased: bool = row.try_get(leased)?;
                if let Some(at) = at.filter(|_| !is_leased) {
                    let first = due.entry(rows::user_id(row, user)?).or_insert(at);
                    *first = at.min(*first);
                }
            }
        }
        let mut due: Vec<_> = due.into_iter().map(|(user_id, at)| (at, user_id)).collect();
        due.sort();
        due.truncate(self.limit);
        let mut claimed = Vec::with_capacity(due.len());
        for (_, user_id) in due {
            let lease = DigestLease {
                user_id,
                by: self.by,
                until: self.lease_until,
            };
            claimed.push(lease_user(tx, lease).await?);
        }
        Ok(claimed)
    }
}

async fn lease_user(tx: &mut SqliteConnection, lease: DigestLease) -> Result<DueUser, Error> {
    let user_id = lease.user_id.as_str();
    let row = sqlx::query(LEASE)
        .bind(user_id)
        .bind(lease.by.as_uuid())
        .bind(lease.until.as_millis())
        .fetch_one(&mut *tx)
        .await?;
    let (id, at): (Option<Uuid>, Option<i64>) = (row.try_get("attempt_id")?, row.try_get("attempt_at")?);
    let mut extents = Vec::new();
    for row in sqlx::query(EXTENTS).bind(user_id).fetch_all(&mut *tx).await? {
        extents.push(Extent {
            conversation_id: rows::conversation_id(&row)?,
            side: side_of_code(row.try_get("side")?).ok_or_else(|| damaged("there is no such side"))?,
            up_to: row.try_get("up_to")?,
        });
    }
    let sent: Vec<i64> = sqlx::query_scalar(SENT).bind(user_id).fetch_all(tx).await?;
    Ok(DueUser {
        attempt: id.zip(at).map(|(id, at)| DigestAttempt {
            id: DigestId::new(id),
            extents,
            at: Timestamp::from_millis(at),
        }),
        sent: sent.into_iter().map(Timestamp::from_millis).collect(),
        lease,
    })
}

/// A seq behind which what is neither read nor mailed lies, and hardly before it: after the last message read the
/// side's positions grow no faster than seqs do.
macro_rules! behind {
    ($side:literal) => {
        concat!(
            "COALESCE(c.",
            $side,
            "_read_seq, 0) + MAX(c.",
            $side,
            "_mailed - c.",
            $side,
            "_read, 0)"
        )
    };
}
macro_rules! unmailed_of {
    ($side:literal, $code:literal, $user:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            ", ",
            $code,
            " AS side, (SELECT m.created_at FROM message m WHERE m.conversation_id = c.id
                AND m.seq > ",
            behind!($side),
            " AND m.to_sides & ",
            $code,
            " AND m.",
            $side,
            "_position > MAX(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed) ORDER BY m.seq LIMIT 1) AS oldest FROM conversation c WHERE c.",
            $user,
            " = ?1 AND c.",
            $side,
            "_inbox > c.",
            $side,
            "_read AND c.",
            $side,
            "_inbox > c.",
            $side,
            "_mailed"
        )
    };
}
pub(super) const UNMAILED: [&str; 2] = [
    unmailed_of!("client", "1", "client_id"),
    unmailed_of!("agent", "2", "agent_user_id"),
];

async fn unmailed(connection: &mut SqliteConnection, users: &[UserId]) -> Result<Vec<Unmailed>, Error> {
    let mut all = Vec::new();
    for user_id in users {
        for (sql, side) in UNMAILED.into_iter().zip(Side::ALL) {
            let rows = sqlx::query(sql)
                .bind(user_id.as_str())
                .fetch_all(&mut *connection);
            for row in rows.await? {
                all.push(Unmailed {
                    conversation: rows::conversation(&row)?,
                    side,
                    oldest: rows::time(&row, "oldest")?,
                });
            }
        }
    }
    all.sort_by_cached_key(|one| (one.user().clone(), one.oldest, one.conversation.id, one.side));
    Ok(all)
}

macro_rules! excerpt_of {
    ($side:literal, $code:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            ", ",
            booking_column!(),
            ", ",
            message_columns!(),
            " FROM conversation c LEFT JOIN message m ON m.conversation_id = c.id AND m.seq > ",
            behind!($side),
            " AND m.to_sides & ",
            $code,
            " AND m.",
            $side,
            "_position > MAX(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed) AND m.",
            $side,
            "_position <= ?2 WHERE c.id = ?1 ORDER BY m.seq LIMIT ?3"
        )
    };
}

pub(super) const EXCERPT: [&str; 2] = [excerpt_of!("client", "1"), excerpt_of!("agent", "2")];

async fn excerpts(
    connection: &mut SqliteConnection,
    extents: &[Extent],
    messages: usize,
) -> Result<Vec<Excerpt>, Error> {
    let mut excerpts = Vec::new();
    for extent in extents {
        let sql = EXCERPT[usize::from(extent.side == Side::Agent)];
        let rows = sqlx::query(sql)
            .bind(extent.conversation_id.as_uuid())
            .bind(number(extent.up_to))
            .bind(limit(messages))
            .fetch_all(&mut *connection)
            .await?;
        let Some(first) = rows.first() else { continue };
        let has_messages = first.try_get::<Option<i64>, _>("seq")?.is_some();
        let shown = if has_messages { rows.as_slice() } else { &[] };
        excerpts.push(Excerpt {
            extent: *extent,
            conversation: rows::conversation(first)?,
            booking_id: rows::booking_id(first)?,
            first: shown.iter().map(rows::message).collect::<Result<_, _>>()?,
        });
    }
    Ok(excerpts)
}

struct Record {
    lease: DigestLease,
    attempt: DigestAttempt,
    now: Timestamp,
}

/// Whether somebody is under a lease.
pub(super) const UNDER: &str =
    "SELECT EXISTS (SELECT 1 FROM recipient WHERE user_id = ? AND owner = ? AND until = ?)";
pub(super) const BEGIN: &str = "UPDATE recipient SET attempt_id = ?, attempt_at = ? WHERE user_id = ?";
pub(super) const ENTER: &str = "INSERT INTO recipient_extent (user_id, place, conversation_id, side, up_to)
    VALUES (?, ?, ?, ?, ?)";
pub(super) const FORGET: &str = "DELETE FROM recipient_extent WHERE user_id = ?";
pub(super) const FREE: &str = "UPDATE recipient SET owner = NULL, until = NULL WHERE user_id = ?";

async fn is_under(tx: &mut SqliteConnection, lease: &DigestLease) -> Result<bool, Error> {
    sqlx::query_scalar(UNDER)
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
    const DOING: &'static str = "recording an e-mail";

    async fn take(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        if self.now >= self.lease.until || !is_under(tx, &self.lease).await? {
            return Ok(false);
        }
        set_attempt(tx, &self.lease.user_id, Some(&self.attempt)).await?;
        Ok(true)
    }
}

struct MarkMailed {
    user_id: UserId,
    extents: Vec<Extent>,
    again_at: Timestamp,
}

impl Step for MarkMailed {
    type Answer = ();
    const DOING: &'static str = "marking messages mailed";

    async fn take(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for extent in &self.extents {
            let found = conversations::find(tx, extent.conversation_id).await?;
            if let Some(mut conversation) = found.filter(|one| *one.user(extent.side) == self.user_id) {
                conversation.mail(extent.side, extent.up_to, self.again_at);
                conversations::save(tx, &conversation).await?;
            }
        }
        Ok(())
    }
}

struct Finish {
    lease: DigestLease,
    sent_at: Option<Timestamp>,
    remember: usize,
}

pub(super) const REMEMBER: &str = "INSERT INTO recipient_sent (user_id, place, at)
    VALUES (?1, (SELECT COALESCE(MAX(place), 0) + 1 FROM recipient_sent WHERE user_id = ?1), ?2)";
pub(super) const FORGET_SENT: &str = "DELETE FROM recipient_sent WHERE user_id = ?1 AND place <=
    (SELECT place FROM recipient_sent WHERE user_id = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)";

impl Step for Finish {
    type Answer = bool;
    const DOING: &'static str = "finishing an e-mail";

    async fn take(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        if !is_under(tx, &self.lease).await? {
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

struct Hold(Vec<DigestHold>);

pub(super) const HOLD: [&str; 2] = [
    "UPDATE conversation SET client_due_at = ?1
        WHERE client_id = ?2 AND client_inbox > client_read AND client_due_at < ?1",
    "UPDATE conversation SET agent_due_at = ?1
        WHERE agent_user_id = ?2 AND agent_inbox > agent_read AND agent_due_at < ?1",
];

impl Step for Hold {
    type Answer = ();
    const DOING: &'static str = "holding e-mails back";

    async fn take(self, tx: &mut SqliteConnection) -> Result<(), Error> {
        for hold in &self.0 {
            if !is_under(tx, &hold.lease).await? {
                continue;
            }
            let user_id = &hold.lease.user_id;
            if hold.forget_attempt {
                set_attempt(tx, user_id, None).await?;
            }
            sqlx::query(FREE).bind(user_id.as_str()).execute(&mut *tx).await?;
            for sql in HOLD {
                let held = sqlx::query(sql)
                    .bind(hold.until.as_millis())
                    .bind(user_id.as_str());
                held.execute(&mut *tx).await?;
            }
        }
        Ok(())
    }
}

pub(super) const ADMIT_PUSH: &str =
    "INSERT INTO pushed (conversation_id, side, seq, at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (conversation_id, side) DO UPDATE SET seq = excluded.seq, at = excluded.at
    WHERE pushed.seq < excluded.seq AND pushed.at <= ?5";

impl Step for PushMark {
    type Answer = bool;
    const DOING: &'static str = "admitting a push";

    async fn take(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        let admitted = sqlx::query(ADMIT_PUSH)
            .bind(self.conversation_id.as_uuid())
            .bind(side_code(self.side))
            .bind(number(self.seq))
            .bind(self.now.as_millis())
            .bind(self.not_since.as_millis())
            .execute(tx)
            .await?;
        Ok(admitted.rows_affected() > 0)
    }
}
