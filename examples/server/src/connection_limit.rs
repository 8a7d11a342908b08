//! The connection limit, with a reserve for probes above the limit.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::metrics;

/// Limits concurrent connections.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    limit: usize,
    regular: Arc<Semaphore>,
    reserve: Arc<Reserve>,
    is_full: bool,
}

/// The slot of a connection; released on drop.
#[derive(Debug)]
pub(crate) enum Slot {
    /// A slot within the limit.
    Regular(#[expect(dead_code, reason = "dropping it releases the slot")] OwnedSemaphorePermit),
    /// A slot in the reserve, for a short request of a probe.
    Reserve(ReserveSlot),
}

/// A slot in the reserve.
#[derive(Debug)]
pub(crate) struct ReserveSlot {
    number: u64,
    reserve: Arc<Reserve>,
    evicted: oneshot::Receiver<Infallible>,
    _permit: OwnedSemaphorePermit,
}

/// Marks a connection in the reserve as active when its request arrives.
#[derive(Debug)]
pub(crate) struct ActivityMarker {
    number: u64,
    reserve: Arc<Reserve>,
}

/// Number of slots in the reserve.
pub(crate) const RESERVE_SLOTS: usize = 64;

/// The recovery is logged once one in this many slots is free. Without this distance it would be logged for each
/// connection that ends at the limit.
const RECOVERY_FRACTION: usize = 16;

impl ConnectionLimit {
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            limit: connections,
            regular: Arc::new(Semaphore::new(connections)),
            reserve: Arc::new(Reserve::new()),
            is_full: false,
        }
    }

    /// Acquires a slot for a connection; one of the reserve only if no other is free.
    ///
    /// If the reserve is full too, the connection that has been idle longest is evicted. So a connection whose request
    /// arrives before [`RESERVE_SLOTS`] later connections is served, whatever the number of idle ones.
    pub(crate) async fn acquire(&mut self) -> Slot {
        if let Ok(permit) = self.regular.clone().try_acquire_owned() {
            self.check_recovered();
            return Slot::Regular(permit);
        }
        self.record_full();
        Slot::Reserve(self.reserve.acquire().await)
    }

    fn record_full(&mut self) {
        metrics::connection_over_limit();
        if !self.is_full {
            self.is_full = true;
            tracing::warn!(
                max_connections = self.limit,
                "HTTP server: connection limit reached; new connections can reach the probes only until others end; \
                 raise MAX_CONNECTIONS, or limit clients by address in front of this server"
            );
        }
    }

    fn check_recovered(&mut self) {
        if self.is_full && self.regular.available_permits() >= self.limit / RECOVERY_FRACTION {
            self.is_full = false;
            tracing::info!("HTTP server: below the connection limit; serving all requests again");
        }
    }
}

impl Slot {
    /// Completes when a later connection needs the slot.
    pub(crate) async fn evicted(&mut self) {
        match self {
            Self::Regular(_) => pending().await,
            Self::Reserve(slot) => {
                // The sender is dropped and never sends.
                (&mut slot.evicted).await.ok();
            }
        }
    }
}

impl ReserveSlot {
    pub(crate) fn activity_marker(&self) -> ActivityMarker {
        ActivityMarker {
            number: self.number,
            reserve: self.reserve.clone(),
        }
    }
}

impl Drop for ReserveSlot {
    fn drop(&mut self) {
        self.reserve
            .lock()
            .connections
            .retain(|connection| connection.number != self.number);
    }
}

impl ActivityMarker {
    pub(crate) fn mark_active(&self) {
        let mut state = self.reserve.lock();
        let mut connections = state.connections.iter_mut();
        if let Some(connection) = connections.find(|connection| connection.number == self.number) {
            connection.stage = Stage::Active;
        }
    }
}

#[derive(Debug)]
struct Reserve {
    slots: Arc<Semaphore>,
    state: Mutex<ReserveState>,
}

/// The connections in the reserve, oldest first.
#[derive(Debug, Default)]
struct ReserveState {
    next: u64,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    stage: Stage,
    /// Dropping it evicts the connection.
    _evict: oneshot::Sender<Infallible>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No request has arrived.
    Idle,
    /// The request is being served.
    Active,
}

impl Reserve {
    fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(RESERVE_SLOTS)),
            state: Mutex::default(),
        }
    }

    async fn acquire(self: &Arc<Self>) -> ReserveSlot {
        if self.slots.available_permits() == 0 {
            self.evict();
        }
        let permit = self.slots.clone().acquire_owned().await;
        let permit = permit.expect("the reserve is never closed");
        let (evict, evicted) = oneshot::channel();
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.connections.push(Connection {
            number,
            stage: Stage::Idle,
            _evict: evict,
        });
        ReserveSlot {
            number,
            reserve: self.clone(),
            evicted,
            _permit: permit,
        }
    }

    /// Evicts the connection that has been idle longest; if none is idle, the oldest.
    fn evict(&self) {
        let mut state = self.lock();
        let mut connections = state.connections.iter();
        let idle = connections.position(|connection| connection.stage == Stage::Idle);
        let index = idle.unwrap_or(0);
        if index < state.connections.len() {
            state.connections.remove(index);
        }
    }

    fn lock(&self) -> MutexGuard<'_, ReserveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    /// A slot in the reserve.
    async fn acquire(limit: &mut ConnectionLimit) -> ReserveSlot {
        match limit.acquire().await {
            Slot::Regular(_) => panic!("a slot among all others"),
            Slot::Reserve(slot) => slot,
        }
    }

    async fn fill_reserve(limit: &mut ConnectionLimit) -> Vec<ReserveSlot> {
        let mut slots = Vec::new();
        for _ in 0..RESERVE_SLOTS {
            slots.push(acquire(limit).await);
        }
        slots
    }

    /// Acquires a slot in a full reserve; returns the index of the evicted connection.
    async fn acquire_and_evict(limit: &mut ConnectionLimit, slots: &mut Vec<ReserveSlot>) -> Option<usize> {
        let mut acquiring = pin!(acquire(limit));
        assert!(acquiring.as_mut().now_or_never().is_none());
        let is_evicted = |slot: &mut ReserveSlot| slot.evicted.try_recv() == Err(TryRecvError::Closed);
        let evicted = slots.iter_mut().position(is_evicted)?;
        slots.remove(evicted);
        slots.push(acquiring.await);
        Some(evicted)
    }

    #[tokio::test]
    async fn the_reserve_is_used_only_above_the_limit() {
        let mut limit = ConnectionLimit::new(1);
        let first = limit.acquire().await;
        assert!(matches!(first, Slot::Regular(_)));
        let reserve = fill_reserve(&mut limit).await;
        drop(first);
        assert!(matches!(limit.acquire().await, Slot::Regular(_)));
        drop(reserve);
    }

    #[tokio::test]
    async fn a_full_reserve_evicts_the_connection_that_has_been_idle_longest() {
        let mut limit = ConnectionLimit::new(0);
        let mut slots = fill_reserve(&mut limit).await;
        for slot in &slots[..2] {
            slot.activity_marker().mark_active();
        }
        // Active connections stay; the others are evicted in order of arrival.
        for _ in 0..10 * RESERVE_SLOTS {
            assert_eq!(acquire_and_evict(&mut limit, &mut slots).await, Some(2));
        }
    }

    #[tokio::test]
    async fn without_an_idle_connection_the_oldest_is_evicted() {
        let mut limit = ConnectionLimit::new(0);
        let mut slots = fill_reserve(&mut limit).await;
        for slot in &slots {
            slot.activity_marker().mark_active();
        }
        assert_eq!(acquire_and_evict(&mut limit, &mut slots).await, Some(0));
    }

    #[tokio::test]
    async fn recovery_requires_more_than_one_free_slot() {
        let mut limit = ConnectionLimit::new(32);
        let mut slots = Vec::new();
        for _ in 0..32 {
            slots.push(limit.acquire().await);
        }
        let over = limit.acquire().await;
        for _ in 0..3 {
            slots.pop();
            slots.push(limit.acquire().await);
            assert!(limit.is_full);
        }
        slots.truncate(29);
        slots.push(limit.acquire().await);
        assert!(!limit.is_full);
        drop(over);
    }
}
