//! From the outbox to the transport.
//!
//! A lane is the unpublished part of one conversation; its owner publishes the entries in order. Lanes
//! come to this process in two ways, and into one queue: a step of this process that created a lane *hands it
//! over* with what it has in memory, and a *claim* takes lanes without an owner or with an expired
//! lease. A [round](round) takes some lanes from the queue: it loads what is not at hand, projects it to
//! events, delivers them in batches, acknowledges what was accepted and delays what was not. Lanes that have got
//! more entries meanwhile go to the back of the queue, so that a busy conversation keeps no other waiting.
//!
//! Two things bound what is done when it is of no use. A lane that failed waits, longer each time; and when
//! the transport as a whole is at fault, the [circuit breaker](breaker) of this process opens.

mod access;
mod breaker;
mod call;
mod deliver;
mod health;
mod noop_realtime;
mod options;
mod queue;
mod ramp_up;
mod revocations;
mod round;
#[cfg(feature = "worker")]
mod run;
mod writes;

use std::{
    collections::HashSet,
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
pub(crate) use queue::Work;

use crate::{
    clock::{self, Clock, IdSource},
    event::ChannelNames,
    host::Host,
    id::{ConversationId, WorkerId},
    notify::Notifier,
    store::{Claim, Publisher, Scan, Store, StoreError, StoreErrorKind},
    time::Timestamp,
    transport::realtime::Realtime,
};
use breaker::{Breaker, State};
use health::LastLook;
use queue::Queue;
use revocations::Revocations;
use round::Round;
use writes::Writes;

/// What a relay is put together from.
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

/// Publishes what the outbox holds. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Relay {
    id: WorkerId,
    parts: RelayParts,
    /// How many tasks drive this relay: lanes are kept for it only while there is one.
    attending: AtomicUsize,
    queue: Queue,
    /// Whether to look for lanes at once.
    woken: AtomicBool,
    /// Whether the next claim is to find what was committed long after it was written, too.
    wants_full_scan: AtomicBool,
    /// The lanes that rounds have taken from the queue, with their leases.
    under_way: Mutex<HashSet<(ConversationId, Timestamp)>>,
    breaker: Mutex<Breaker>,
    revocations: Revocations,
    /// Whether the store refused the last claim of this process.
    is_refused: AtomicBool,
    writes: Mutex<Writes>,
    last_look: LastLook,
}

impl Relay {
    pub(crate) fn new(parts: RelayParts) -> Self {
        Self {
            id: WorkerId::new(parts.ids.new_id(parts.clock.now())),
            attending: AtomicUsize::new(0),
            queue: Queue::new(parts.options.queue),
            woken: AtomicBool::new(false),
            wants_full_scan: AtomicBool::new(false),
            under_way: Mutex::default(),
            breaker: Mutex::new(Breaker::new(parts.options.drain_rate)),
            revocations: Revocations::default(),
            is_refused: AtomicBool::new(false),
            writes: Mutex::new(Writes::new(parts.clock.now())),
            last_look: LastLook::default(),
            parts,
        }
    }

    /// Publishes all that is at hand and all that is due now, however long it has been, as far as the
    /// transport takes it. Returns how many lanes that were, each counted as often as it was its turn; 0 when
    /// there was nothing to do.
    ///
    /// # Errors
    /// When due lanes could not be claimed; what is at hand is published all the same. What could not be
    /// published stays in the outbox.
    pub async fn step(&self) -> Result<usize, StoreError> {
        self.wants_full_scan.store(true, Ordering::Release);
        let claimed = self.claim(self.options().claim_limit).await;
        let mut lanes = 0;
        loop {
            let rounds = self.next_rounds(usize::MAX);
            if rounds.is_empty() {
                return claimed.map(|()| lanes);
            }
            lanes += rounds.iter().map(Round::lanes).sum::<usize>();
            let at_once = self.options().concurrency;
            stream::iter(rounds)
                .for_each_concurrent(at_once, |round| self.publish(round))
                .await;
        }
    }

    /// Keeps the lanes that this process creates for this relay, to be published from memory, as long as
    /// the answer lives. Otherwise any worker may claim them at once.
    pub fn attend(&self) -> Attending<'_> {
        self.attending.fetch_add(1, Ordering::AcqRel);
        Attending(self)
    }

    pub(crate) fn wake(&self) {
        // It may have been written long before it was committed.
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

    /// Who is to publish the event of a step taken now.
    pub(crate) fn publisher(&self, now: Timestamp) -> Publisher {
        let is_attended = self.attending.load(Ordering::Acquire) > 0;
        if is_attended && !self.queue.is_full() && self.accepts_calls(now) {
            Publisher::Worker {
                id: self.id,
                lease_until: now + self.options().lease,
            }
        } else {
            Publisher::Anyone
        }
    }

    /// Takes a lane that a step of this process created. One for which there is no room, or whose step was
    /// abandoned before it came here, is claimed by any worker when its lease is over.
    pub(crate) fn hand_over(&self, work: Work) {
        self.queue.hand_over(work);
    }

    fn options(&self) -> &RelayOptions {
        &self.parts.options
    }

    fn round_size(&self) -> usize {
        self.parts.realtime.limits().events_per_call.max(1)
    }

    /// Puts lanes that are due into the queue, at most that many, as far as the circuit breaker allows.
    async fn claim(&self, limit: usize) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let limit = match self.breaker().state(now) {
            State::Closed => limit,
            State::HalfOpen => 1,
            State::Open => return Ok(()),
        };
        let scan = match self.wants_full_scan.swap(false, Ordering::AcqRel) {
            true => Scan::Full,
            false => Scan::Usual,
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
        self.queue.put(claimed?);
        Ok(())
    }

    /// The next lanes of the queue, in at most that many rounds of the size that fits the transport's calls.
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

    /// A call of the store, for as long as a call may take.
    async fn in_time<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match clock::timeout(&*self.parts.clock, self.options().call_timeout, call).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(StoreError::new(StoreErrorKind::OutcomeUnknown, doing).caused_by(elapsed)),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<(ConversationId, Timestamp)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
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

/// While this lives, a task drives its relay.
#[must_use = "lanes are kept for the relay only while this lives"]
#[derive(Debug)]
pub struct Attending<'a>(&'a Relay);

impl Drop for Attending<'_> {
    fn drop(&mut self) {
        self.0.attending.fetch_sub(1, Ordering::AcqRel);
    }
}
