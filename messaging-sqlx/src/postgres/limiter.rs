//! Rate limits that hold for several processes together.
//!
//! A user's quota is one row: when it will be whole again, by the generic cell rate algorithm. Admitting moves that
//! time on by one, in one statement, and the row's lock puts those who do so at once one after the other. The time is
//! the database's, which is the same for all.
//!
//! Who is refused is remembered here until they may come again: their time only moves on, so that nothing has to be
//! asked until then.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Quota, RateLimits,
    host::HostError,
    host::rate_limit::{Admission, Limited, RateLimiter},
    id::UserId,
    time::Timestamp,
};
use sqlx::{
    Row,
    postgres::{PgRow, types::PgInterval},
};

use super::PgStore;

/// Limits what users do, in all processes that share a database together. Made by [`PgStore::rate_limiter`].
#[derive(Debug)]
pub struct PgRateLimiter {
    store: PgStore,
    limits: RateLimits,
    refused: Mutex<Refused>,
}

impl PgStore {
    /// A limiter for all processes that use this schema: a statement, and a row written, for each thing that is
    /// admitted; neither for what is refused again.
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
}

impl PgRateLimiter {
    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who need not ask, from when until when: before that time a clock has been set back, and what was known is void.
#[derive(Debug, Default)]
struct Refused(HashMap<(UserId, Limited), (Timestamp, Timestamp)>);

/// Upon so many those are forgotten who may ask again; if that makes no room, everybody is: they are refused all the
/// same.
const MOST: usize = 10_000;

impl Refused {
    fn until(&self, key: &(UserId, Limited), now: Timestamp) -> Option<Duration> {
        let (_, until) = self
            .0
            .get(key)
            .filter(|(from, until)| *from <= now && now < *until)?;
        Some(until.since(now))
    }

    fn remember(&mut self, key: (UserId, Limited), now: Timestamp, until: Timestamp) {
        if self.0.len() >= MOST {
            self.0.retain(|_, (_, until)| *until > now);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key, (now, until));
    }
}

/// `$1` user, `$2` what, `$3` after how long there is one more, `$4` that many times the burst. Whoever is known to be
/// over their quota writes nothing; who only turns out to be, once it is their turn, changes nothing.
///
/// A time that lies further ahead than a whole quota lasts was written before the database's clock was set back. It is
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

fn read(row: &PgRow, quota: Quota) -> Result<Admission, sqlx::Error> {
    if row.try_get("admitted")? {
        return Ok(Admission::Admitted);
    }
    // Who lost against others at the same time has to wait for at most one more.
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

/// Longer than anybody is made to wait, and short enough for a time that lies so far ahead.
const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);

/// What stands for it in the table; `None` for what is not known here.
fn code(what: Limited) -> Option<i16> {
    match what {
        Limited::Send => Some(1),
        Limited::Open => Some(2),
        Limited::Report => Some(3),
        Limited::Typing => Some(4),
        _ => None,
    }
}
