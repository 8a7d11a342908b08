//! Everything at once on one store, and a recount afterwards.

mod dice;
mod people;
mod relay;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use futures_util::TryStreamExt;
use messaging_core::{
    id::MessageId,
    port::store::{Entry, Publisher, Requeue, Requeued, SetAside, Store},
    time::Timestamp,
    verify::{ConversationRange, verify},
};

use crate::{
    Backend,
    again::again,
    make::at,
    recount::{all_set_aside, recount},
};
use people::Person;
use relay::Relay;

const PEOPLE: u64 = 4;
const RELAYS: u64 = 2;
const STEPS: usize = 120;

/// Lets several threads open, send, send again, read, list, block, publish and requeue on one store at once, with
/// clocks that go backwards, publishers that stop half-way, events that are refused and leases that run out; meanwhile lets the store
/// recount itself, and afterwards recounts it and what was published.
///
/// # Panics
/// When something does not add up.
pub fn storm(backend: &dyn Backend) {
    let mut fresh = None;
    backend.run(Box::pin(async { fresh = Some(backend.fresh().await) }));
    let fresh = fresh.expect("`run` runs a future to its end");
    let sky = Sky::over(fresh.store.clone());

    thread::scope(|scope| {
        for n in 0..PEOPLE {
            let mut person = Person::new(n, &sky);
            scope.spawn(move || {
                let _busy = person.sky.busy();
                backend.run(Box::pin(async {
                    for _ in 0..STEPS {
                        person.act().await;
                    }
                }));
            });
        }
        scope.spawn(|| {
            while sky.is_busy() {
                backend.run(Box::pin(look(&sky)));
                thread::yield_now();
            }
        });
        for n in 0..RELAYS {
            let relay = Relay::new(PEOPLE + n, &sky);
            scope.spawn(move || {
                while relay.sky.is_busy() {
                    backend.run(Box::pin(relay.round(relay.sky.tick())));
                    thread::yield_now();
                }
            });
        }
    });

    backend.run(Box::pin(async move {
        calm(&sky).await;
        drop((sky, fresh));
    }));
}

/// Recounts while others write: each conversation is looked at as of one moment, and adds up at every moment.
async fn look(sky: &Sky) {
    let found: Vec<_> = again(|| verify(&*sky.store, ConversationRange::all()).try_collect()).await;
    assert_eq!(found, [], "amid the storm");
}

/// Publishes what is left, requeues what was set aside and publishes that, and recounts.
async fn calm(sky: &Sky) {
    let store = &*sky.store;
    publish_all(sky).await;
    for SetAside { entry, .. } in all_set_aside(store).await.expect("nobody else is there") {
        let step = Requeue {
            conversation_id: entry.conversation_id,
            number: entry.number,
            now: sky.tick(),
            publisher: Publisher::Anyone,
        };
        let requeued = store.requeue(&step).await.expect("nobody else is there");
        assert_eq!(requeued, Requeued::Done { lane: None });
        sky.requeue(entry);
    }
    publish_all(sky).await;
    let recounted = recount(store).await.expect("nobody else is there");
    let (published, requeued) = (lock(&sky.published).clone(), lock(&sky.requeued).clone());
    assert!(!requeued.is_empty(), "some events were refused");
    recounted.with_published(&published, &requeued).assert_clean();
}

async fn publish_all(sky: &Sky) {
    let relay = Relay::new(PEOPLE + RELAYS, sky);
    let mut rounds = 0;
    while sky.store.backlog().await.expect("nobody else is there").lanes > 0 {
        relay.round(at(1_000_000_000)).await;
        rounds += 1;
        assert!(rounds < 1_000, "what waits to be published cannot be");
    }
}

/// What everybody in the storm shares.
struct Sky {
    store: Arc<dyn Store>,
    seconds: AtomicI64,
    ids: AtomicU64,
    people: AtomicUsize,
    published: Mutex<Vec<Entry>>,
    requeued: Mutex<Vec<Entry>>,
}

/// Somebody is still writing.
struct Busy<'a>(&'a AtomicUsize);

impl Sky {
    fn over(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            seconds: AtomicI64::new(0),
            ids: AtomicU64::new(1),
            people: AtomicUsize::new(usize::try_from(PEOPLE).unwrap_or(usize::MAX)),
            published: Mutex::default(),
            requeued: Mutex::default(),
        }
    }

    /// Time passes: a second with every look at the clock.
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

    /// Held by each of the people while they write.
    fn busy(&self) -> Busy<'_> {
        Busy(&self.people)
    }

    fn is_busy(&self) -> bool {
        self.people.load(Ordering::Acquire) > 0
    }
}

fn lock(log: &Mutex<Vec<Entry>>) -> MutexGuard<'_, Vec<Entry>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
