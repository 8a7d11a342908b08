//! Health of this process and of the outbox, for probes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};

use super::{Relay, breaker::Why, idle::MAX_UNCLAIMED, writes::Inference};
use crate::{
    store::{Backlog, StoreError},
    telemetry::{self, OutboxGauges},
    time::Timestamp,
};

/// The backlog of the outbox, and whether publishing and the store work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// When the store was checked.
    pub seen_at: Timestamp,
    /// The backlog of the whole store.
    pub backlog: Backlog,
    /// The age of the oldest unpublished event; `None` if all events are published.
    pub oldest_unpublished: Option<Duration>,
    /// How long the first due lane has been waiting for a worker, in the whole store; `None` where no lane is due. Workers
    /// claim due lanes within a second, unless the transport fails.
    pub unclaimed_for: Option<Duration>,
    /// Whether this process has stopped publishing because the transport does not accept its credentials.
    pub halted: bool,
    /// Whether the store takes writes: `false` while it is a replica, its disk is full, a table or a privilege is
    /// missing, or its data is corrupt. A probing write that fails because the store is busy, or with an unknown
    /// outcome, does not change the value until 30 s after the last successful probe; then the value is `false`.
    pub takes_writes: bool,
    /// Whether the store served this process's last claim: `false` while it refuses its workers, for instance because
    /// clocks differ too much. `true` if the process has made no claim.
    pub admits_workers: bool,
}

impl Health {
    /// Whether this process can publish.
    pub fn publishes(&self) -> bool {
        !self.halted && self.admits_workers
    }

    /// Whether a lane has been due for at least 5 s and no worker has claimed it. Either no process runs its
    /// [`Workers`](crate::Workers), or all of them have paused because the transport fails.
    pub fn lacks_workers(&self) -> bool {
        self.unclaimed_for.is_some_and(|waited| waited >= MAX_UNCLAIMED)
    }
}

/// The maximum age of a cached health check.
const MAX_AGE: Duration = Duration::from_secs(1);

type Looked = (Timestamp, Result<Health, Arc<StoreError>>);
type Look = BoxFuture<'static, Looked>;

/// The last health check of the store. At most one check per second is made; concurrent callers share it.
#[derive(Default)]
pub(super) struct LastLook(Mutex<Looks>);

#[derive(Default)]
struct Looks {
    /// The number of checks that have begun, which numbers the newest one.
    begun: u64,
    newest: State,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    /// The check is running; it is dropped when no caller waits for it any more.
    Looking(WeakShared<Look>),
    Looked(Looked),
}

impl LastLook {
    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Caches the result of a check unless a newer check has begun: a caller may be polled long after its check has
    /// ended.
    fn keep(&self, number: u64, looked: &Looked) {
        let mut looks = self.looks();
        if looks.begun == number {
            looks.newest = State::Looked(looked.clone());
        }
    }
}

impl fmt::Debug for LastLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastLook").finish_non_exhaustive()
    }
}

impl Relay {
    /// Checks the store now.
    pub(crate) async fn health(&self) -> Result<Health, StoreError> {
        let store = &self.parts.store;
        let seen_at = self.parts.clock.now();
        let backlog = store.backlog().await.inspect_err(|error| {
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "health check failed; the store does not answer, and health is unknown until it does"
            );
        })?;
        let now = self.parts.clock.now();
        let probed = store.probe_writes(now).await;
        let takes_writes = self.note_write_probe(&probed);
        let health = Health {
            seen_at,
            backlog,
            oldest_unpublished: backlog.age(now),
            unclaimed_for: backlog.unclaimed_for(now),
            halted: self.breaker().why() == Some(Why::Credentials),
            takes_writes,
            admits_workers: !self.is_refused.load(Ordering::Acquire),
        };
        telemetry::outbox(OutboxGauges {
            unpublished_conversations: backlog.lanes,
            oldest_unpublished: health.oldest_unpublished.unwrap_or_default(),
            dead_letters: backlog.dead_letters,
            is_halted: health.halted,
        });
        Ok(health)
    }

    /// Notes the result of a probing write, and returns whether the store takes writes.
    fn note_write_probe(&self, probed: &Result<(), StoreError>) -> bool {
        let now = self.parts.clock.now();
        let kind = probed.as_ref().map_err(StoreError::kind);
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let inference = writes.note(kind.copied(), now);
        let takes_writes = writes.takes_writes();
        drop(writes);
        if let Err(error) = probed {
            let error: &dyn std::error::Error = error;
            match inference {
                Inference::Known => tracing::warn!(
                    error,
                    "probing write refused; health reports that the store takes no writes until a probe succeeds"
                ),
                Inference::AsBefore => tracing::warn!(
                    error,
                    "probing write failed; health reports the previous result until 30 s after the last successful probe"
                ),
                Inference::Expired => tracing::warn!(
                    error,
                    "no probing write has succeeded for 30 s; health reports that the store takes no writes, until a probe \
                     succeeds"
                ),
            }
        }
        takes_writes
    }

    /// The result of a check that began at most a second ago, or of a new one.
    pub(crate) async fn recent_health(self: Arc<Self>) -> Result<Health, Arc<StoreError>> {
        let (number, look) = {
            let now = self.parts.clock.now();
            let mut looks = self.last_look.looks();
            if let State::Looked((began, seen)) = &looks.newest
                // After the clock was set back, the age of a check is unknown.
                && *began <= now
                && now.since(*began) < MAX_AGE
            {
                return seen.clone();
            }
            let look = self.look(&mut looks, now);
            (looks.begun, look)
        };
        let looked = look.await;
        self.last_look.keep(number, &looked);
        looked.1
    }

    /// The check that is running, or a new one.
    fn look(self: &Arc<Self>, looks: &mut Looks, now: Timestamp) -> Shared<Look> {
        if let State::Looking(look) = &looks.newest
            && let Some(look) = look.upgrade()
        {
            return look;
        }
        let relay = Arc::clone(self);
        let look = async move { (now, relay.health().await.map_err(Arc::new)) };
        let look = look.boxed().shared();
        looks.begun += 1;
        if let Some(weak) = look.downgrade() {
            looks.newest = State::Looking(weak);
        }
        look
    }
}
