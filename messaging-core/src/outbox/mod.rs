//! The relay: publishes the outbox through the transport.
//!
//! A lane is the queue of one conversation's unpublished entries; its owner publishes them in order. Lanes reach the
//! queue of this process in two ways: a step of this process that creates a lane *hands it over* with its entry in
//! memory, and a *claim* takes due lanes without an owner or with an expired lease. A [round](round) takes some lanes
//! from the queue: it loads missing entries, projects them to events and delivers the events in batches. An
//! [acknowledgement](acknowledge) covers the lanes of several rounds; lanes that failed are deferred with it. A lane that
//! has got more entries meanwhile goes to the end of the queue, so that a busy conversation does not delay others. From the
//! queue to the acknowledgement a lane is [held](held), with the entries that join it.
//!
//! Two mechanisms limit useless work. A lane that failed waits, longer each time. If the transport fails for all lanes,
//! the [circuit breaker](breaker) of this process opens.

mod access;
mod acknowledge;
mod breaker;
mod call;
mod deliver;
mod health;
mod held;
mod idle;
mod noop_realtime;
mod options;
mod queue;
mod ramp_up;
mod revocations;
mod round;
mod run;
mod writes;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};

pub use health::Health;
pub(crate) use noop_realtime::NoopRealtime;
pub use options::{InvalidRelayOptions, RelayOptions};

use crate::{
    clock::{Clock, IdSource},
    event::ChannelNames,
    host::Host,
    host::directory::Profiles,
    id::WorkerId,
    push::Notifier,
    store::{Claim, Lane, LoadedEntry, Publisher, Scan, Store, StoreError, StoreErrorKind, timed},
    time::Timestamp,
    transport::realtime::Realtime,
};
use breaker::{Breaker, State};
use health::LastLook;
use held::HeldLanes;
use idle::Watch;
use queue::{Queue, Work};
use revocations::Revocations;
use round::Round;
use writes::Writes;

/// The dependencies of a [`Relay`].
pub(crate) struct RelayParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) realtime: Arc<dyn Realtime>,
    pub(crate) host: Arc<Host>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) names: ChannelNames,
    pub(crate) notifier: Option<Arc<Notifier>>,
    pub(crate) options: RelayOptions,
}

/// Publishes the outbox. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Relay {
    id: WorkerId,
    parts: RelayParts,
    /// The number of tasks that drive this relay. Only while it is above 0, lanes are created with this relay as their
    /// owner.
    active_workers: AtomicUsize,
    queue: Queue,
    /// Whether to claim lanes at once.
    woken: AtomicBool,
    /// Whether the next claim is a full scan, which also finds entries that were committed long after they were written.
    wants_full_scan: AtomicBool,
    held: HeldLanes,
    breaker: Mutex<Breaker>,
    revocations: Revocations,
    /// Whether the store refused the last claim of this process.
    is_refused: AtomicBool,
    writes: Mutex<Writes>,
    last_look: LastLook,
    idle_watch: Watch,
}

impl Relay {
    pub(crate) fn new(parts: RelayParts) -> Self {
        Self {
            id: WorkerId::new(parts.ids.new_id(parts.clock.now())),
            active_workers: AtomicUsize::new(0),
            queue: Queue::new(parts.options.queue),
            woken: AtomicBool::new(false),
            wants_full_scan: AtomicBool::new(false),
            held: HeldLanes::new(parts.options.queue),
            breaker: Mutex::new(Breaker::new(parts.options.drain_rate)),
            revocations: Revocations::default(),
            is_refused: AtomicBool::new(false),
            writes: Mutex::new(Writes::new(parts.clock.now())),
            last_look: LastLook::default(),
            idle_watch: Watch::default(),
            parts,
        }
    }

    /// Publishes the lanes of the queue and all lanes that are due now, including old ones, as far as the transport
    /// accepts their events. Returns the number of published lanes, each counted once per round; 0 if no lane was due.
    ///
    /// # Errors
    /// A [`StoreError`] if due lanes could not be claimed; lanes of the queue are published all the same. Entries that
    /// could not be published stay in the outbox.
    pub async fn step(&self) -> Result<usize, StoreError> {
        self.wants_full_scan.store(true, Ordering::Release);
        let claimed = self.claim(self.options().claim_limit).await;
        let mut lanes = 0;
        loop {
            let rounds = self.next_rounds(usize::MAX);
            if rounds.is_empty() {
                return claimed.map(|_| lanes);
            }
            lanes += rounds.iter().map(Round::lanes).sum::<usize>();
            let at_once = self.options().concurrency;
            stream::iter(rounds)
                .for_each_concurrent(at_once, |round| self.publish(round))
                .await;
            self.acknowledge_all().await;
        }
    }

    /// Makes this relay the owner of lanes that this process creates, so that they are published from memory, as long
    /// as the returned value lives. Without it, new lanes have no owner and any worker may claim them at once.
    pub fn activate_worker(&self) -> ActiveWorker<'_> {
        self.active_workers.fetch_add(1, Ordering::AcqRel);
        ActiveWorker(self)
    }

    /// Whether a task drives this relay.
    fn has_active_worker(&self) -> bool {
        self.active_workers.load(Ordering::Acquire) > 0
    }

    pub(crate) fn wake(&self) {
        // The entry may have been written long before it was committed.
        self.wants_full_scan.store(true, Ordering::Release);
        self.woken.store(true, Ordering::Release);
        self.queue.signal().raise();
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.options().call_timeout
    }

    /// Whether the circuit breaker is closed.
    pub(crate) fn accepts_calls(&self, now: Timestamp) -> bool {
        self.breaker().state(now) == State::Closed
    }

    /// The publisher for the event of a step taken at `now`.
    pub(crate) fn publisher(&self, now: Timestamp) -> Publisher {
        if self.has_active_worker() && !self.queue.is_full() && self.accepts_calls(now) {
            Publisher::Worker {
                id: self.id,
                lease_until: now + self.options().lease,
            }
        } else {
            Publisher::Anyone
        }
    }

    /// Queues a lane that a step of this process created, with its entry if that is in memory. If the queue is full, or the
    /// step was cancelled before this call, any worker claims the lane when its lease expires.
    pub(crate) fn hand_over(&self, lane: Lane, entry: Option<LoadedEntry>, profiles: Profiles) {
        let key = (lane.conversation_id, lane.lease_until);
        // First: once the lane is in the queue, its round may end.
        self.held.hold(&lane);
        let entries = entry.into_iter().collect();
        if !self.queue.hand_over(Work::new(lane, entries, profiles)) {
            self.held.release(key);
        }
    }

    /// Keeps an entry that a step of this process committed to a lane that exists, if this process holds the lane. If not,
    /// the lane's owner loads the entry.
    pub(crate) fn join(&self, entry: LoadedEntry, profiles: Profiles) {
        let continued = self.held.join(entry, profiles);
        if continued.is_some() {
            self.queue.put(continued);
        }
    }

    fn options(&self) -> &RelayOptions {
        &self.parts.options
    }

    fn round_size(&self) -> usize {
        self.parts.realtime.limits().events_per_call.max(1)
    }

    /// Claims due lanes, at most `limit`, as far as the circuit breaker allows, and queues them. Returns whether more may
    /// be due.
    async fn claim(&self, limit: usize) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        let state = self.breaker().state(now);
        let limit = match state {
            State::Closed => limit,
            State::HalfOpen => 1,
            State::Open => return Ok(false),
        };
        let scan = if self.wants_full_scan.swap(false, Ordering::AcqRel) {
            Scan::Full
        } else {
            Scan::Usual
        };
        let claim = Claim::new(self.id, now, now + self.options().lease, limit).with_scan(scan);
        let claimed = self.parts.store.claim_lanes(&claim);
        let claimed = self.in_time("claiming lanes", claimed).await;
        match &claimed {
            Ok(_) => self.is_refused.store(false, Ordering::Release),
            Err(error) if error.kind() == StoreErrorKind::ReadOnly => {
                self.is_refused.store(true, Ordering::Release);
            }
            Err(_) => {}
        }
        if claimed.is_err() && scan == Scan::Full {
            self.wants_full_scan.store(true, Ordering::Release);
        }
        let lanes = claimed?;
        let is_full = lanes.len() >= limit;
        if !lanes.is_empty() {
            self.queue.put(lanes.into_iter().map(|lane| self.work_of(lane)));
        }
        Ok(is_full && state == State::Closed)
    }

    /// Takes the next lanes of the queue, in at most `at_most` rounds of the size that fits the transport's calls.
    fn next_rounds(&self, at_most: usize) -> Vec<Round> {
        let (now, size) = (self.parts.clock.now(), self.round_size());
        let mut breaker = self.breaker();
        match breaker.state(now) {
            State::Closed => std::iter::from_fn(|| Round::new(self.queue.take(size, now)))
                .take(at_most)
                .collect(),
            State::HalfOpen if at_most > 0 => {
                let one = Round::new(self.queue.take(1, now));
                let one = one.map(|round| round.on_trial(breaker.begin_trial(now + self.options().lease)));
                one.into_iter().collect()
            }
            State::HalfOpen | State::Open => Vec::new(),
        }
    }

    /// The work of a claimed lane.
    fn work_of(&self, lane: Lane) -> Work {
        self.held.hold(&lane);
        Work::new(lane, Vec::new(), Profiles::default())
    }

    /// Calls the store, limited to `call_timeout`.
    async fn in_time<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        timed(&*self.parts.clock, self.options().call_timeout, doing, call).await
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("id", &self.id)
            .field("options", self.options())
            .finish_non_exhaustive()
    }
}

/// Marks that a task drives the relay, as long as the value lives.
#[must_use = "new lanes belong to the relay only while this value lives"]
#[derive(Debug)]
pub struct ActiveWorker<'a>(&'a Relay);

impl Drop for ActiveWorker<'_> {
    fn drop(&mut self) {
        self.0.active_workers.fetch_sub(1, Ordering::AcqRel);
    }
}
