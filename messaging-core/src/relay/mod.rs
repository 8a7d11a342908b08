//! From the outbox to the transport.
//!
//! A lane is the unpublished part of one conversation; whoever owns it publishes its entries in order. Work
//! comes in two ways: a step of this process that created a lane *hands it over* with what it has in memory,
//! and a *claim* takes lanes that nobody owns or whose owner's lease is over. Both end in a [round](round):
//! load what is not at hand, project it to events, deliver them in batches, settle what was accepted, delay
//! what was not; then the same with what has been appended meanwhile, until the lanes are empty.

mod deliver;
mod handoff;
pub mod retry;
mod round;
#[cfg(feature = "worker")]
mod run;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

pub(crate) use handoff::Handoff;

use crate::{
    clock::{Clock, IdSource},
    event::{ChannelName, ChannelNames, Event},
    id::{UserId, WorkerId},
    port::{
        PortError,
        channels::{ChannelAuth, Channels, Subscription},
        directory::Directory,
        realtime::{Limits, PublishError, Realtime},
        store::{Backlog, Publisher, Store, StoreError},
    },
    time::Timestamp,
};
use handoff::Handoffs;
use round::Round;

/// How the outbox is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayOptions {
    /// For how long a lane belongs to its owner; twice [`call_timeout`](Self::call_timeout) at least.
    /// Default: 10 s.
    pub lease: Duration,
    /// How long one call to the transport may take. Default: 5 s.
    pub call_timeout: Duration,
    /// How often lanes are looked for that nobody is publishing. Default: 250 ms.
    pub probe_every: Duration,
    /// How many lanes one look takes at most. Default: 64.
    pub claim_limit: usize,
    /// How many calls to the transport may be under way at once. Default: 8.
    pub concurrency: usize,
    /// How many lanes may wait in memory to be published. Default: 1,000.
    pub queue: usize,
    /// For how long nothing is published after the transport did not accept our credentials. Default: 30 s.
    pub halt: Duration,
    /// How long shutting down may take. Default: 10 s.
    pub drain: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            call_timeout: Duration::from_secs(5),
            probe_every: Duration::from_millis(250),
            claim_limit: 64,
            concurrency: 8,
            queue: 1_000,
            halt: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// How far publishing is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// What is waiting, in the whole store.
    pub backlog: Backlog,
    /// How long the oldest unpublished event has been waiting; `None` when nothing is.
    pub oldest_unpublished: Option<Duration>,
    /// Whether this process has stopped publishing because the transport does not accept its credentials.
    pub halted: bool,
}

/// Publishes what the outbox holds. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Relay {
    id: WorkerId,
    store: Arc<dyn Store>,
    realtime: Arc<dyn Realtime>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    names: ChannelNames,
    directory_timeout: Duration,
    options: RelayOptions,
    /// Whether somebody drives this relay, so that lanes may be kept for it.
    attended: AtomicBool,
    handoffs: Handoffs,
    halted_until: Mutex<Option<Timestamp>>,
}

impl Relay {
    #[expect(clippy::too_many_arguments, reason = "called once, by the builder")]
    pub(crate) fn new(
        store: Arc<dyn Store>,
        realtime: Arc<dyn Realtime>,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        names: ChannelNames,
        directory_timeout: Duration,
        options: RelayOptions,
    ) -> Self {
        Self {
            id: WorkerId::new(ids.new_id(clock.now())),
            store,
            realtime,
            directory,
            clock,
            ids,
            names,
            directory_timeout,
            attended: AtomicBool::new(false),
            handoffs: Handoffs::new(options.queue),
            options,
            halted_until: Mutex::new(None),
        }
    }

    /// Publishes once all that is at hand and all that is due now, as far as the transport takes it. Returns
    /// how many lanes that were; 0 when there was nothing to do.
    ///
    /// # Errors
    /// When due lanes could not be claimed. What could not be published stays in the outbox.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let mut rounds = self.handed_rounds(usize::MAX);
        rounds.extend(self.claimed_rounds(self.options.claim_limit).await?);
        let lanes = rounds.iter().map(Round::lanes).sum();
        let at_once = self.options.concurrency.max(1);
        stream::iter(rounds)
            .for_each_concurrent(at_once, |round| self.publish(round))
            .await;
        Ok(lanes)
    }

    /// Keeps the lanes that this process creates for this relay, to be published from memory, as long as
    /// the answer lives. Otherwise they are due for whoever probes first.
    pub fn attend(&self) -> Attending<'_> {
        self.attended.store(true, Ordering::Release);
        Attending(self)
    }

    pub(crate) fn wake(&self) {
        self.handoffs.signal().raise();
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.options.call_timeout
    }

    /// Who is to publish the event of a step taken now.
    pub(crate) fn publisher(&self, now: Timestamp) -> Publisher {
        let attended = self.attended.load(Ordering::Acquire);
        if attended && !self.handoffs.is_full() && !self.is_halted(now) {
            Publisher::Worker {
                id: self.id,
                lease_until: now + self.options.lease,
            }
        } else {
            Publisher::Anyone
        }
    }

    /// Takes a lane that a step of this process created. One for which there is no room, or whose step was
    /// abandoned before it came here, is claimed by somebody when its lease is over.
    pub(crate) fn hand_over(&self, handoff: Handoff) {
        self.handoffs.push(handoff);
    }

    pub(crate) async fn health(&self) -> Result<Health, StoreError> {
        let backlog = self.store.backlog().await?;
        let now = self.clock.now();
        Ok(Health {
            backlog,
            oldest_unpublished: backlog.age(now),
            halted: self.is_halted(now),
        })
    }

    /// The lanes handed over, in at most that many rounds of the size that fits the transport's calls.
    fn handed_rounds(&self, at_most: usize) -> Vec<Round> {
        if self.is_halted(self.clock.now()) {
            return Vec::new();
        }
        let size = self.realtime.limits().events_per_call.max(1);
        std::iter::from_fn(|| Round::of_handoffs(self.handoffs.take(size)))
            .take(at_most)
            .collect()
    }

    /// Lanes that are due, claimed and put into rounds. None while publishing is halted; one, to see whether
    /// it still is, when a halt is over.
    async fn claimed_rounds(&self, limit: usize) -> Result<Vec<Round>, StoreError> {
        let now = self.clock.now();
        let limit = match *self.halt_state() {
            Some(until) if now < until => return Ok(Vec::new()),
            Some(_) => 1,
            None => limit,
        };
        let lanes = self
            .store
            .claim_lanes(self.id, now, now + self.options.lease, limit)
            .await?;
        let size = self.realtime.limits().events_per_call.max(1);
        Ok(lanes
            .chunks(size)
            .map(|lanes| Round::of_claimed(lanes.to_vec()))
            .collect())
    }

    fn halt(&self, now: Timestamp) {
        *self.halt_state() = Some(now + self.options.halt);
    }

    fn resume(&self) {
        *self.halt_state() = None;
    }

    fn is_halted(&self, now: Timestamp) -> bool {
        self.halt_state().is_some_and(|until| now < until)
    }

    fn halt_state(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.halted_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as this lives, its relay is driven by somebody.
#[must_use = "lanes are kept for the relay only while this lives"]
pub struct Attending<'a>(&'a Relay);

impl Drop for Attending<'_> {
    fn drop(&mut self) {
        self.0.attended.store(false, Ordering::Release);
    }
}

/// The transport of a host that has none: takes everything, delivers nothing, signs nothing.
pub(crate) struct Silence;

impl Channels for Silence {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, PortError> {
        Err(PortError::permanent("there is no realtime server to sign for"))
    }
}

#[async_trait]
impl Realtime for Silence {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 1_000,
            data_bytes: usize::MAX,
        }
    }

    async fn publish(&self, _: &[Event]) -> Result<(), PublishError> {
        Ok(())
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), PublishError> {
        Ok(())
    }
}
