//! Concurrent operations of all kinds on one store, followed by a recount.

mod people;
mod random;
mod relay;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use futures_util::TryStreamExt;
use messaging_core::{
    id::MessageId,
    store::{DeadLetter, Entry, Publisher, Requeue, Requeued, Store},
    time::Timestamp,
    verify::{ConversationRange, verify},
};

use crate::{
    Backend,
    limit::{Rounds, in_time},
    make::at,
    recount::{all_dead_letters, recount},
    retry::retry,
};
use people::Person;
use relay::Relay;

const PEOPLE: u64 = 4;
const RELAYS: u64 = 2;
const STEPS: usize = 120;

/// Runs several threads that open, send, resend, read, list, block, publish and requeue on one store, with
/// clocks that go backwards, publishers that stop midway, refused events and expiring leases. Meanwhile the
/// store recounts itself; afterwards the store and the published events are recounted.
///
/// # Panics
/// If there is a discrepancy. A failing thread ends the others, and the storm fails with the first failure.
pub fn storm(backend: &dyn Backend) {
    let mut fresh = None;
    backend.run(Box::pin(async { fresh = Some(backend.fresh().await) }));
    let fresh = fresh.expect("`run` runs a future to its end");
    let state = StormState::over(fresh.store.clone());

    thread::scope(|scope| {
        for n in 0..PEOPLE {
            let mut person = Person::new(n, &state);
            scope.spawn(move || {
                let _busy = person.state.busy();
                let _watch = person.state.watch();
                backend.run(Box::pin(in_time("a user's steps in the storm", async {
                    for _ in 0..STEPS {
                        if person.state.has_failed() {
                            return;
                        }
                        person.act().await;
                    }
                })));
            });
        }
        scope.spawn(|| {
            let _watch = state.watch();
            while state.is_busy() {
                backend.run(Box::pin(in_time(
                    "a recount during the storm",
                    recount_during_storm(&state),
                )));
                thread::yield_now();
            }
        });
        for n in 0..RELAYS {
            let relay = Relay::new(PEOPLE + n, &state);
            scope.spawn(move || {
                let _watch = relay.state.watch();
                while relay.state.is_busy() {
                    let round = relay.round(relay.state.tick());
                    backend.run(Box::pin(in_time("a round of the storm", round)));
                    thread::yield_now();
                }
            });
        }
    });

    backend.run(Box::pin(async move {
        in_time("the recount after the storm", publish_and_recount(&state)).await;
        drop((state, fresh));
    }));
}

/// Recounts during writes: each conversation is read from one snapshot, and is consistent in every snapshot.
async fn recount_during_storm(state: &StormState) {
    if let Some(store) = state.store.recount() {
        let found: Vec<_> = retry(|| verify(store, ConversationRange::all()).try_collect()).await;
        assert_eq!(found, [], "during the storm");
    }
}

/// Publishes the remaining events, requeues and publishes the dead letters, and recounts.
async fn publish_and_recount(state: &StormState) {
    let store = &*state.store;
    publish_all(state).await;
    for DeadLetter { entry, .. } in all_dead_letters(store).await.expect("no concurrent step is left") {
        let step = Requeue::new(
            entry.conversation_id,
            entry.number,
            state.tick(),
            Publisher::Anyone,
        );
        let requeued = store.requeue(&step).await.expect("no concurrent step is left");
        assert!(matches!(requeued, Requeued::Done(entry) if entry.lane.is_none()));
        state.requeue(entry);
    }
    publish_all(state).await;
    let recounted = recount(store).await.expect("no concurrent step is left");
    let (published, requeued) = (lock(&state.published).clone(), lock(&state.requeued).clone());
    assert!(!requeued.is_empty(), "the storm refused no event");
    recounted.with_published(&published, &requeued).assert_clean();
}

async fn publish_all(state: &StormState) {
    let relay = Relay::new(PEOPLE + RELAYS, state);
    let mut rounds = Rounds::at_most(1_000, "lanes are left although all were claimed and published");
    while state
        .store
        .backlog()
        .await
        .expect("no concurrent step is left")
        .lanes
        > 0
    {
        rounds.begin();
        relay.round(at(1_000_000_000)).await;
    }
}

/// The state shared by all threads of the storm.
struct StormState {
    store: Arc<dyn Store>,
    seconds: AtomicI64,
    ids: AtomicU64,
    people: AtomicUsize,
    failed: AtomicBool,
    published: Mutex<Vec<Entry>>,
    requeued: Mutex<Vec<Entry>>,
}

/// Marks a thread as writing until dropped.
struct BusyGuard<'a>(&'a AtomicUsize);

/// Tells the other threads when this one fails.
struct FailureGuard<'a>(&'a AtomicBool);

impl StormState {
    fn over(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            seconds: AtomicI64::new(0),
            ids: AtomicU64::new(1),
            people: AtomicUsize::new(usize::try_from(PEOPLE).unwrap_or(usize::MAX)),
            failed: AtomicBool::new(false),
            published: Mutex::default(),
            requeued: Mutex::default(),
        }
    }

    /// Advances the clock by a second, and returns it.
    fn tick(&self) -> Timestamp {
        at(self.seconds.fetch_add(1, Ordering::Relaxed))
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn next_message(&self) -> MessageId {
        crate::make::message_id(self.next_id())
    }

    fn publish(&self, entry: Entry) {
        lock(&self.published).push(entry);
    }

    fn requeue(&self, entry: Entry) {
        lock(&self.requeued).push(entry);
    }

    /// Held by each writing thread.
    fn busy(&self) -> BusyGuard<'_> {
        BusyGuard(&self.people)
    }

    /// Whether a thread is still writing; false once a thread has failed.
    fn is_busy(&self) -> bool {
        self.people.load(Ordering::Acquire) > 0 && !self.has_failed()
    }

    /// Held by each thread for its lifetime.
    fn watch(&self) -> FailureGuard<'_> {
        FailureGuard(&self.failed)
    }

    /// Whether a thread has failed, so that the others stop.
    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

fn lock(log: &Mutex<Vec<Entry>>) -> MutexGuard<'_, Vec<Entry>> {
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
