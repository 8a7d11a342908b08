//! How many connections there may be, and a reserve in which probes are answered when there are as many.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::metrics;

/// The places of connections.
#[derive(Debug)]
pub(crate) struct Room {
    limit: usize,
    regular: Arc<Semaphore>,
    reserve: Arc<Reserve>,
    is_full: bool,
}

/// The place of a connection, which it gives back when it is dropped.
#[derive(Debug)]
pub(crate) enum Place {
    /// Among all others.
    Regular(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit),
    /// In the reserve, for when all others are taken: a moment for a probe.
    Reserve(Reserved),
}

/// A place in the reserve.
#[derive(Debug)]
pub(crate) struct Reserved {
    number: u64,
    reserve: Arc<Reserve>,
    evicted: oneshot::Receiver<Infallible>,
    _permit: OwnedSemaphorePermit,
}

/// Tells the reserve that the request of a connection has come.
#[derive(Debug)]
pub(crate) struct Asked {
    number: u64,
    reserve: Arc<Reserve>,
}

/// How many places the reserve has.
pub(crate) const RESERVE: usize = 64;

/// Of how many places one has to be free for the log to say that there is room again: without a distance from full it
/// would say so with each connection that comes and goes.
const FREE_AGAIN: usize = 16;

impl Room {
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            limit: connections,
            regular: Arc::new(Semaphore::new(connections)),
            reserve: Arc::new(Reserve::new()),
            is_full: false,
        }
    }

    /// Takes a place for a connection, one of the reserve only when there is no other.
    ///
    /// When the reserve is full as well, the connection in it ends that has been silent longest. So a connection whose
    /// request comes before [`RESERVE`] later connections have come is answered, however many silent ones there are.
    pub(crate) async fn take(&mut self) -> Place {
        if let Ok(permit) = self.regular.clone().try_acquire_owned() {
            self.look_whether_free_again();
            return Place::Regular(permit);
        }
        self.note_full();
        Place::Reserve(self.reserve.take().await)
    }

    fn note_full(&mut self) {
        metrics::connection_over_limit();
        if !self.is_full {
            self.is_full = true;
            tracing::warn!(
                max_connections = self.limit,
                "HTTP server: all connections are taken; new ones get answers for probes only, until others end; \
                 raise MAX_CONNECTIONS, or limit clients by address in front of this server"
            );
        }
    }

    fn look_whether_free_again(&mut self) {
        if self.is_full && self.regular.available_permits() >= self.limit / FREE_AGAIN {
            self.is_full = false;
            tracing::info!("HTTP server: new connections get answers for everything again");
        }
    }
}

impl Place {
    /// Ready when a later connection needs the place.
    pub(crate) async fn evicted(&mut self) {
        match self {
            Self::Regular(_) => pending().await,
            Self::Reserve(place) => {
                // Nothing is ever sent: the sender is dropped.
                (&mut place.evicted).await.ok();
            }
        }
    }
}

impl Reserved {
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            number: self.number,
            reserve: self.reserve.clone(),
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.reserve
            .held()
            .connections
            .retain(|held| held.number != self.number);
    }
}

impl Asked {
    pub(crate) fn note(&self) {
        let mut held = self.reserve.held();
        let mut connections = held.connections.iter_mut();
        if let Some(connection) = connections.find(|held| held.number == self.number) {
            connection.stage = Stage::Asked;
        }
    }
}

#[derive(Debug)]
struct Reserve {
    places: Arc<Semaphore>,
    held: Mutex<Held>,
}

/// Who is in the reserve, in the order in which they came.
#[derive(Debug, Default)]
struct Held {
    next: u64,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    stage: Stage,
    /// Dropped to evict it.
    _evict: oneshot::Sender<Infallible>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its request has not come.
    Silent,
    /// Its request is answered.
    Asked,
}

impl Reserve {
    fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(RESERVE)),
            held: Mutex::default(),
        }
    }

    async fn take(self: &Arc<Self>) -> Reserved {
        if self.places.available_permits() == 0 {
            self.evict();
        }
        let permit = self.places.clone().acquire_owned().await;
        let permit = permit.expect("the reserve is never closed");
        let (evict, evicted) = oneshot::channel();
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.connections.push(Connection {
            number,
            stage: Stage::Silent,
            _evict: evict,
        });
        Reserved {
            number,
            reserve: self.clone(),
            evicted,
            _permit: permit,
        }
    }

    /// The one that has been silent longest; when none is silent, the oldest.
    fn evict(&self) {
        let mut held = self.held();
        let mut connections = held.connections.iter();
        let silent = connections.position(|held| held.stage == Stage::Silent);
        let which = silent.unwrap_or(0);
        if which < held.connections.len() {
            held.connections.remove(which);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    /// A place in the reserve.
    async fn take(room: &mut Room) -> Reserved {
        match room.take().await {
            Place::Regular(_) => panic!("a place among all others"),
            Place::Reserve(place) => place,
        }
    }

    async fn fill_reserve(room: &mut Room) -> Vec<Reserved> {
        let mut places = Vec::new();
        for _ in 0..RESERVE {
            places.push(take(room).await);
        }
        places
    }

    /// Takes a place in the reserve when it is full; says which connection has to end for it.
    async fn take_and_evict(room: &mut Room, places: &mut Vec<Reserved>) -> Option<usize> {
        let mut taking = pin!(take(room));
        assert!(taking.as_mut().now_or_never().is_none());
        let is_evicted = |place: &mut Reserved| place.evicted.try_recv() == Err(TryRecvError::Closed);
        let evicted = places.iter_mut().position(is_evicted)?;
        places.remove(evicted);
        places.push(taking.await);
        Some(evicted)
    }

    #[tokio::test]
    async fn the_reserve_is_for_when_all_others_are_taken() {
        let mut room = Room::new(1);
        let first = room.take().await;
        assert!(matches!(first, Place::Regular(_)));
        let reserve = fill_reserve(&mut room).await;
        drop(first);
        assert!(matches!(room.take().await, Place::Regular(_)));
        drop(reserve);
    }

    #[tokio::test]
    async fn when_the_reserve_is_full_the_connection_ends_that_has_been_silent_longest() {
        let mut room = Room::new(0);
        let mut places = fill_reserve(&mut room).await;
        for place in &places[..2] {
            place.asked().note();
        }
        // However many come: those that have asked stay, the others end in the order in which they came.
        for _ in 0..10 * RESERVE {
            assert_eq!(take_and_evict(&mut room, &mut places).await, Some(2));
        }
    }

    #[tokio::test]
    async fn when_none_is_silent_the_oldest_ends() {
        let mut room = Room::new(0);
        let mut places = fill_reserve(&mut room).await;
        for place in &places {
            place.asked().note();
        }
        assert_eq!(take_and_evict(&mut room, &mut places).await, Some(0));
    }

    #[tokio::test]
    async fn the_log_does_not_say_that_there_is_room_with_each_connection_that_ends() {
        let mut room = Room::new(32);
        let mut places = Vec::new();
        for _ in 0..32 {
            places.push(room.take().await);
        }
        let over = room.take().await;
        for _ in 0..3 {
            places.pop();
            places.push(room.take().await);
            assert!(room.is_full);
        }
        places.truncate(29);
        places.push(room.take().await);
        assert!(!room.is_full);
        drop(over);
    }
}
