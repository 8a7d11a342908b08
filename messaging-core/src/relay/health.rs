//! How the parts of this process do, for probes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};

use super::{Relay, gate::Why};
use crate::{
    port::store::{Backlog, StoreError},
    telemetry,
    time::Timestamp,
};

/// How far publishing is behind, and what works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// When the store was looked at.
    pub seen_at: Timestamp,
    /// What is waiting, in the whole store.
    pub backlog: Backlog,
    /// How long the oldest unpublished event has been waiting; `None` when nothing is.
    pub oldest_unpublished: Option<Duration>,
    /// Whether this process has stopped publishing because the transport does not accept its credentials.
    pub halted: bool,
    /// Whether the store takes writes: not while it is a replica, or its disk is full.
    pub takes_writes: bool,
    /// Whether the store gave this process what is due when it last asked: not while it refuses its workers, as between
    /// clocks that are too far apart. `true` where it never asked.
    pub admits_workers: bool,
}

impl Health {
    /// Whether this process can publish.
    pub fn publishes(&self) -> bool {
        !self.halted && self.admits_workers
    }
}

/// How old an answer to a probe may be.
const MAX_AGE: Duration = Duration::from_secs(1);

type Looked = (Timestamp, Result<Health, Arc<StoreError>>);
type Look = BoxFuture<'static, Looked>;

/// The last look at the store: one a second at most, which all who ask meanwhile share.
#[derive(Default)]
pub(super) struct LastLook(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    None,
    /// It is under way, and given up when nobody waits for it any more.
    Looking(WeakShared<Look>),
    Looked(Looked),
}

impl LastLook {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LastLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastLook").finish_non_exhaustive()
    }
}

impl Relay {
    /// Looks at the store now.
    pub(crate) async fn health(&self) -> Result<Health, StoreError> {
        let store = &self.parts.store;
        let seen_at = self.parts.clock.now();
        let backlog = store.backlog().await.inspect_err(|error| {
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "the store does not answer; health is unknown until it does"
            );
        })?;
        let now = self.parts.clock.now();
        let written = store.probe_writes(now).await;
        if let Err(error) = &written {
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "the store takes no writes; every write is refused until it does"
            );
        }
        let health = Health {
            seen_at,
            backlog,
            oldest_unpublished: backlog.age(now),
            halted: self.gate().why() == Some(Why::Credentials),
            takes_writes: written.is_ok(),
            admits_workers: !self.is_refused.load(Ordering::Acquire),
        };
        telemetry::health(&health);
        Ok(health)
    }

    /// What the last look saw that began at most a second ago, or a new one.
    pub(crate) async fn recent_health(self: Arc<Self>) -> Result<Health, Arc<StoreError>> {
        let look = {
            let now = self.parts.clock.now();
            let mut state = self.last_look.state();
            if let State::Looked((began, seen)) = &*state
                // A clock that was set back says nothing of its age.
                && *began <= now
                && now.since(*began) < MAX_AGE
            {
                return seen.clone();
            }
            self.look(&mut state, now)
        };
        let looked = look.await;
        *self.last_look.state() = State::Looked(looked.clone());
        looked.1
    }

    /// The look under way, or one that begins now.
    fn look(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Shared<Look> {
        if let State::Looking(look) = state
            && let Some(look) = look.upgrade()
        {
            return look;
        }
        let relay = Arc::clone(self);
        let look = async move { (now, relay.health().await.map_err(Arc::new)) };
        let look = look.boxed().shared();
        if let Some(weak) = look.downgrade() {
            *state = State::Looking(weak);
        }
        look
    }
}
