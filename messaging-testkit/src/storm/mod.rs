//! Concurrent operations of all kinds on one store, followed by a recount.

mod people;
mod random;
mod relay;
mod state;

use std::thread;

use futures_util::TryStreamExt;
use messaging_core::{
    store::{DeadLetter, Publisher, Requeue, Requeued},
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
use state::{StormState, lock};

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
    let state = StormState::over(fresh.store.clone(), usize::try_from(PEOPLE).unwrap_or(usize::MAX));

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
