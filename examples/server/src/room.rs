//! How many connections there may be, and a reserve for those who have to get in all the same.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is left for connections.
#[derive(Debug)]
pub(crate) struct Room {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
}

/// The place of a connection, which it gives back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) class: Class,
    _permit: OwnedSemaphorePermit,
}

/// Where a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Among all others.
    Regular,
    /// In the reserve, for when all others are taken: a moment for a probe.
    Reserve,
}

/// How many connections may be told at a time that there are too many.
const RESERVE: usize = 64;

impl Room {
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            regular: Arc::new(Semaphore::new(connections)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
        }
    }

    /// Waits until there is a place. Whoever takes it must be the only one who waits.
    pub(crate) async fn wait(&self) {
        tokio::select! {
            _ = self.regular.acquire() => {}
            _ = self.reserve.acquire() => {}
        }
    }

    /// Takes a place, one of the reserve only when there is no other.
    pub(crate) fn take(&self) -> Option<Place> {
        let classes = [(Class::Regular, &self.regular), (Class::Reserve, &self.reserve)];
        classes.into_iter().find_map(|(class, places)| {
            let permit = places.clone().try_acquire_owned().ok()?;
            Some(Place {
                class,
                _permit: permit,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_for_when_all_others_are_taken() {
        let room = Room::new(1);
        let first = room.take().unwrap();
        assert_eq!(first.class, Class::Regular);
        let reserve: Vec<_> = (0..RESERVE).map(|_| room.take().unwrap()).collect();
        assert!(reserve.iter().all(|place| place.class == Class::Reserve));
        assert!(room.take().is_none());
        drop(first);
        assert_eq!(room.take().unwrap().class, Class::Regular);
    }
}
