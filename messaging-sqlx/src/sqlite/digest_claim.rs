//! Claiming users with a due digest.

use std::collections::BTreeMap;

use messaging_core::{
    domain::digest::Extent,
    id::{DigestId, UserId},
    store::{DigestAttempt, DigestClaim, DigestLease, DigestUser},
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection};
use uuid::Uuid;

use super::{error::corrupt, rows, writer::Step};
use crate::codes::{limit, side_of_code};

/// The earlier due time of both sides, written as in the index's expression.
macro_rules! due_at {
    () => {
        "MIN(COALESCE(c.client_due_at, c.agent_due_at), COALESCE(c.agent_due_at, c.client_due_at))"
    };
}
macro_rules! leased {
    ($user:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM digest_user r WHERE r.user_id = c.",
            $user,
            " AND r.until > ?1)"
        )
    };
}

/// `?1` now, `?2` maximum number of conversations.
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
pub(super) const LEASE: &str = "INSERT INTO digest_user (user_id, owner, until) VALUES (?1, ?2, ?3)
    ON CONFLICT (user_id) DO UPDATE SET owner = excluded.owner, until = excluded.until
    RETURNING attempt_id, attempt_at, deferrals";
pub(super) const EXTENTS: &str =
    "SELECT conversation_id, side, up_to FROM digest_user_extent WHERE user_id = ? ORDER BY place";
pub(super) const SENT: &str = "SELECT at FROM digest_user_sent WHERE user_id = ? ORDER BY place";

/// How many due conversations are read for each wanted user: a user may have many.
const CONVERSATIONS_AT_ONCE: usize = 20;

impl Step for DigestClaim {
    type Answer = Vec<DigestUser>;
    const DOING: &'static str = "claiming digest users";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Vec<DigestUser>, Error> {
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
            let lease = DigestLease::new(user_id, self.by, self.lease_until);
            claimed.push(lease_user(tx, lease).await?);
        }
        Ok(claimed)
    }
}

async fn lease_user(tx: &mut SqliteConnection, lease: DigestLease) -> Result<DigestUser, Error> {
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
        extents.push(Extent::new(
            rows::conversation_id(&row)?,
            side_of_code(row.try_get("side")?)
                .ok_or_else(|| corrupt("a stored code is not that of a side"))?,
            row.try_get("up_to")?,
        ));
    }
    let sent: Vec<i64> = sqlx::query_scalar(SENT).bind(user_id).fetch_all(tx).await?;
    Ok(DigestUser::new(lease)
        .with_attempt(
            id.zip(at)
                .map(|(id, at)| DigestAttempt::new(DigestId::new(id), extents, Timestamp::from_millis(at))),
        )
        .with_sent(sent.into_iter().map(Timestamp::from_millis).collect())
        .with_deferrals(row.try_get("deferrals")?))
}
