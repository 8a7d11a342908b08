//! What steps of this process pass to the relay.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use futures_util::task::AtomicWaker;

use crate::port::{
    directory::Profiles,
    store::{Lane, LoadedEntry},
};

/// A lane that a step of this process created, with what the step had at hand.
pub(crate) struct Handoff {
    pub(crate) lane: Lane,
    /// The entry at the lane's head; loaded from the store when it is not here.
    pub(crate) loaded: Option<LoadedEntry>,
    pub(crate) profiles: Profiles,
}

/// A bounded queue. It may overflow: what is dropped is claimed when its lease is over.
pub(super) struct Handoffs {
    queue: Mutex<VecDeque<Handoff>>,
    capacity: usize,
    signal: Signal,
}

impl Handoffs {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            queue: Mutex::default(),
            capacity,
            signal: Signal::default(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue().len() >= self.capacity
    }

    pub(super) fn push(&self, handoff: Handoff) {
        let mut queue = self.queue();
        if queue.len() < self.capacity {
            queue.push_back(handoff);
        }
        drop(queue);
        self.signal.raise();
    }

    pub(super) fn take(&self, at_most: usize) -> Vec<Handoff> {
        let mut queue = self.queue();
        let count = queue.len().min(at_most);
        queue.drain(..count).collect()
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Handoff>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells one waiting task that there is something to do.
#[derive(Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    waiting: AtomicWaker,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.waiting.wake();
    }

    /// Returns once the signal has been raised since the last return.
    #[cfg_attr(not(feature = "worker"), expect(dead_code, reason = "only the loops wait"))]
    pub(super) async fn raised(&self) {
        std::future::poll_fn(|cx| {
            self.waiting.register(cx.waker());
            if self.raised.swap(false, Ordering::AcqRel) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
