//! A warning for a host that appends and runs no worker.
//!
//! A process whose workers run publishes what it appends. Another process may leave that to others. So after an append in a
//! process without a worker a task waits for some seconds and reads the backlog: if a lane has been due for that long and no
//! worker has claimed it, one line is logged, once a process. While such a process appends it reads the backlog at most every
//! 5 s. Without a tokio runtime no task is spawned and nothing is
//! logged; [`Health::lacks_workers`](super::Health::lacks_workers) tells it all the same.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::Relay;
use crate::clock::Clock;

/// How long a due lane may wait for a worker before that is reported.
pub(super) const MAX_UNCLAIMED: Duration = Duration::from_secs(5);

/// What the watch of this process is at.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether a task waits that reads the backlog for every append up to its end.
    is_waiting: AtomicBool,
    has_warned: AtomicBool,
}

impl Relay {
    /// Watches the backlog for a while after an append, unless a worker of this process publishes it.
    pub(crate) fn watch_for_workers(self: &Arc<Self>) {
        let watch = &self.idle_watch;
        if self.has_active_worker()
            || watch.is_waiting.load(Ordering::Acquire)
            || watch.has_warned.load(Ordering::Acquire)
        {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if !watch.is_waiting.swap(true, Ordering::AcqRel) {
            runtime.spawn(watch_backlog(Arc::downgrade(self), Arc::clone(&self.parts.clock)));
        }
    }

    /// Reads the backlog and warns if a lane has waited too long. Returns how much longer the first due lane may wait;
    /// `None` when the watch ends.
    async fn look_for_unclaimed(&self) -> Option<Duration> {
        // Before the backlog is read: an append that comes later begins a watch of its own.
        self.idle_watch.is_waiting.store(false, Ordering::Release);
        if self.has_active_worker() {
            return None;
        }
        // A store that does not answer is reported by the steps that need it.
        let backlog = self.parts.store.backlog().await.ok()?;
        let waited = backlog.unclaimed_for(self.parts.clock.now())?;
        if waited < MAX_UNCLAIMED {
            let has_successor = self.idle_watch.is_waiting.swap(true, Ordering::AcqRel);
            return (!has_successor).then(|| MAX_UNCLAIMED.saturating_sub(waited));
        }
        if !self.idle_watch.has_warned.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                conversations = backlog.lanes,
                "events are not published: no worker has claimed them for 5 s. Unless workers of other processes have paused \
                 because the transport fails, run `Workers::run` of a `Messaging` on this store in some process"
            );
        }
        None
    }
}

/// Holds no relay while it waits, so that one that is dropped ends the watch.
async fn watch_backlog(relay: Weak<Relay>, clock: Arc<dyn Clock>) {
    let mut wait = Some(MAX_UNCLAIMED);
    while let Some(time) = wait {
        clock.sleep(time).await;
        let Some(relay) = relay.upgrade() else { return };
        wait = relay.look_for_unclaimed().await;
    }
}
