//! The probe that tells whether the database takes writes.
//!
//! Writing one small row detects a replica, a read-only database and an unreachable server. On a full disk that
//! row's page may still have room, so a recently refused write of another step counts too.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use messaging_core::{
    store::{StoreError, StoreErrorKind},
    time::Timestamp,
};
use tokio::time::Instant;

use super::{PgStore, rows::instant};

/// How long a refusal counts; after that the probe tries another write.
const REMEMBERED: Duration = Duration::from_secs(10);

/// `$1` now. Commits without waiting for the disk.
pub(super) const PROBE: &str = r#"INSERT INTO "messaging".probe AS p (one, at) VALUES (true, $1)
    ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at
    WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off'"#;

/// When the database last refused a write because it takes none.
#[derive(Debug, Default)]
pub(super) struct Refusal(Mutex<Option<Instant>>);

impl Refusal {
    pub(super) fn note(&self) {
        self.note_at(now());
    }

    fn note_at(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn is_recent(&self, now: Instant) -> bool {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| now.duration_since(at) < REMEMBERED)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a write was refused a moment ago")]
struct RefusedBefore;

impl PgStore {
    pub(super) async fn try_write(&self, at: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "trying to write";
        if self.0.caller.refusal().is_recent(now()) {
            return Err(StoreError::new(StoreErrorKind::ReadOnly, DOING).caused_by(RefusedBefore));
        }
        let statement = sqlx::query(self.0.statements.probe.clone()).bind(instant(at));
        self.write(DOING, statement).await.map(drop)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "for how long something is remembered is no matter of the domain"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_counts_for_a_limited_time() {
        let (refusal, at) = (Refusal::default(), now());
        assert!(!refusal.is_recent(at));
        refusal.note_at(at);
        assert!(refusal.is_recent(at + REMEMBERED - Duration::from_millis(1)));
        assert!(!refusal.is_recent(at + REMEMBERED));
    }
}
