//! What the threads of a storm share.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use messaging_core::{
    id::MessageId,
    store::{Entry, Store},
    time::Timestamp,
};

use crate::make::at;

/// The state shared by all threads of the storm.
pub(super) struct StormState {
    pub(super) store: Arc<dyn Store>,
    seconds: AtomicI64,
    ids: AtomicU64,
    people: AtomicUsize,
    failed: AtomicBool,
    pub(super) published: Mutex<Vec<Entry>>,
    pub(super) requeued: Mutex<Vec<Entry>>,
}

/// Marks a thread as writing until dropped.
pub(super) struct BusyGuard<'a>(&'a AtomicUsize);

/// Tells the other threads when this one fails.
pub(super) struct FailureGuard<'a>(&'a AtomicBool);

impl StormState {
    pub(super) fn over(store: Arc<dyn Store>, people: usize) -> Self {
        Self {
            store,
            seconds: AtomicI64::new(0),
            ids: AtomicU64::new(1),
            people: AtomicUsize::new(people),
            failed: AtomicBool::new(false),
            published: Mutex::default(),
            requeued: Mutex::default(),
        }
    }

    /// Advances the clock by a second, and returns it.
    pub(super) fn tick(&self) -> Timestamp {
        at(self.seconds.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn next_message(&self) -> MessageId {
        crate::make::message_id(self.next_id())
    }

    pub(super) fn publish(&self, entry: Entry) {
        lock(&self.published).push(entry);
    }

    pub(super) fn requeue(&self, entry: Entry) {
        lock(&self.requeued).push(entry);
    }

    /// Held by each person while writing.
    pub(super) fn busy(&self) -> BusyGuard<'_> {
        BusyGuard(&self.people)
    }

    /// Whether a thread is still writing; false once a thread has failed.
    pub(super) fn is_busy(&self) -> bool {
        self.people.load(Ordering::Acquire) > 0 && !self.has_failed()
    }

    /// Held by each thread for its lifetime.
    pub(super) fn watch(&self) -> FailureGuard<'_> {
        FailureGuard(&self.failed)
    }

    /// Whether a thread has failed, so that the others stop.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

pub(super) fn lock(log: &Mutex<Vec<Entry>>) -> MutexGuard<'_, Vec<Entry>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}
