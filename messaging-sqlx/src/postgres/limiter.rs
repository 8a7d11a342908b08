//! Rate limits shared by several processes.
//!
//! A user's quota is one row that holds the time at which the quota is whole again (generic cell rate
//! algorithm). One statement admits an action by moving that time forward; the row's lock serialises concurrent
//! admissions. The time is the database's, which is the same for all processes.
//!
//! A refused user is remembered in memory until the next action may be admitted, so that no query is needed before then.
//! An admission that is given back moves the stored time back: the process that gives it back forgets the refusal; another
//! process may refuse the user for up to one more interval.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    host::{
        HostError,
        rate_limit::{Admission, Limited, Quota, RateLimiter, RateLimits},
    },
    id::UserId,
    time::Timestamp,
};
use sqlx::{
    Row,
    postgres::{PgRow, types::PgInterval},
};

use super::PgStore;

/// A rate limiter shared by all processes that use one database. Created by [`PgStore::rate_limiter`].
#[derive(Debug)]
pub struct PgRateLimiter {
    store: PgStore,
    limits: RateLimits,
    refused: Mutex<Refused>,
}

impl PgStore {
    /// Creates a limiter shared by all processes that use this schema. Each admitted action costs one statement
    /// and one written row; a repeated refusal costs neither.
    pub fn rate_limiter(&self, limits: RateLimits) -> PgRateLimiter {
        PgRateLimiter {
            store: self.clone(),
            limits,
            refused: Mutex::default(),
        }
    }
}

#[async_trait]
impl RateLimiter for PgRateLimiter {
    async fn admit(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<Admission, HostError> {
        let (quota, key) = (self.limits.of(what), (user_id.clone(), what));
        let Some(code) = code(what).filter(|_| !quota.every().is_zero()) else {
            return Ok(Admission::Admitted);
        };
        if let Some(retry_after) = self.refused().until(&key, now) {
            return Ok(Admission::Refused { retry_after });
        }
        let statement = sqlx::query(self.store.0.statements.admit.clone())
            .bind(user_id.as_str())
            .bind(code)
            .bind(interval(quota.every()))
            .bind(interval(quota.every().saturating_mul(quota.burst())));
        let answered = self.store.write("counting for a rate limit", statement).await;
        let answered = answered.map_err(HostError::temporary)?;
        let admission = answered
            .first()
            .map_or(Ok(Admission::Admitted), |row| read(row, quota));
        let admission = admission.map_err(HostError::permanent)?;
        if let Admission::Refused { retry_after } = admission {
            self.refused().remember(key, now, now + retry_after);
        }
        Ok(admission)
    }

    async fn give_back(&self, user_id: &UserId, what: Limited, _: Timestamp) -> Result<(), HostError> {
        let every = self.limits.of(what).every();
        let Some(code) = code(what).filter(|_| !every.is_zero()) else {
            return Ok(());
        };
        let statement = sqlx::query(self.store.0.statements.give_back.clone())
            .bind(user_id.as_str())
            .bind(code)
            .bind(interval(every));
        let given_back = self.store.write("giving back a rate limit", statement).await;
        given_back.map_err(HostError::temporary)?;
        self.refused().forget(&(user_id.clone(), what));
        Ok(())
    }
}

impl PgRateLimiter {
    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refused users and actions, each with the time of the refusal and the time it ends. A clock before the
/// time of refusal was set back, which makes the entry void.
#[derive(Debug, Default)]
struct Refused(HashMap<(UserId, Limited), (Timestamp, Timestamp)>);

/// The maximum number of entries. At the limit, expired entries are removed; if none is expired, all are. The
/// database still refuses the removed users.
const MAX_REMEMBERED: usize = 10_000;

impl Refused {
    fn until(&self, key: &(UserId, Limited), now: Timestamp) -> Option<Duration> {
        let (_, until) = self
            .0
            .get(key)
            .filter(|(from, until)| *from <= now && now < *until)?;
        Some(until.since(now))
    }

    fn forget(&mut self, key: &(UserId, Limited)) {
        self.0.remove(key);
    }

    fn remember(&mut self, key: (UserId, Limited), now: Timestamp, until: Timestamp) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.retain(|_, (_, until)| *until > now);
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, (now, until));
    }
}

/// `$1` user, `$2` action, `$3` interval after which one more is admitted, `$4` that interval times the burst.
/// A user already over the quota causes no write; a user found to be over it once the row lock is held causes
/// no change.
///
/// A time further ahead than a whole quota lasts was written before the database's clock was set back. It is
/// cut to that, so that no refusal is longer than the quota.
pub(super) const ADMIT: &str = r#"
WITH moment AS (
    SELECT clock_timestamp() AS now
), known AS (
    SELECT LEAST(GREATEST(r.whole_at, moment.now), moment.now + $4) + $3::interval - moment.now AS ahead
    FROM moment, "messaging".rate r WHERE r.user_id = $1 AND r.what = $2
), cut AS (
    UPDATE "messaging".rate r SET whole_at = moment.now + $4 FROM moment
    WHERE r.user_id = $1 AND r.what = $2 AND r.whole_at > moment.now + $4
), admitted AS (
    INSERT INTO "messaging".rate AS r (user_id, what, whole_at)
    SELECT $1, $2::smallint, moment.now + $3 FROM moment
    WHERE NOT EXISTS (SELECT FROM known WHERE known.ahead > $4::interval)
    ON CONFLICT (user_id, what) DO UPDATE SET whole_at = GREATEST(r.whole_at + $3, EXCLUDED.whole_at)
        WHERE GREATEST(r.whole_at + $3, EXCLUDED.whole_at) - (EXCLUDED.whole_at - $3) <= $4
    RETURNING true
)
SELECT EXISTS (SELECT FROM admitted) AS admitted,
    (SELECT (EXTRACT(epoch FROM ahead - $4) * 1000000)::bigint FROM known) AS wait"#;

/// `$1` user, `$2` action, `$3` interval after which one more is admitted. A time before now means a whole quota.
pub(super) const GIVE_BACK: &str = r#"
UPDATE "messaging".rate SET whole_at = GREATEST(whole_at, clock_timestamp()) - $3::interval WHERE user_id = $1 AND what = $2"#;

fn read(row: &PgRow, quota: Quota) -> Result<Admission, sqlx::Error> {
    if row.try_get("admitted")? {
        return Ok(Admission::Admitted);
    }
    // A caller that lost against concurrent ones waits for at most one more interval.
    let wait = row
        .try_get::<Option<i64>, _>("wait")?
        .and_then(|wait| u64::try_from(wait).ok());
    let retry_after = wait
        .filter(|wait| *wait > 0)
        .map_or(quota.every(), Duration::from_micros);
    Ok(Admission::Refused { retry_after })
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = duration.min(CENTURY).as_micros();
    PgInterval {
        microseconds: i64::try_from(microseconds).unwrap_or(i64::MAX),
        ..PgInterval::default()
    }
}

/// Longer than any wait, and short enough to add to a time.
const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);

/// The action's code in the table; `None` for an unknown action.
fn code(what: Limited) -> Option<i16> {
    match what {
        Limited::Send => Some(1),
        Limited::Open => Some(2),
        Limited::Report => Some(3),
        Limited::Typing => Some(4),
        Limited::Repeat => Some(5),
        _ => None,
    }
}
