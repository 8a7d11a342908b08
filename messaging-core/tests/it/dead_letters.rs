//! Operations on dead letters.

use messaging_core::{
    Operations,
    clock::Clock as _,
    store::{Claim, ConversationStore as _, DeadLetter, Lane, OutboxStore as _, Progress, Publisher},
};
use messaging_testkit::make::{at, plan, secs, worker_id};

use crate::support::*;

/// A world with `count` conversations, the opening of each of which is a dead letter.
async fn world_with_dead_letters(count: u64) -> World {
    let world = World::new();
    let store = &world.store;
    for agency in 1..=count {
        store.open(&plan(1, agency), Publisher::Anyone).await.unwrap();
    }
    let by = worker_id(1);
    let lanes = store
        .claim_lanes(&Claim::new(by, at(0), at(10), usize::MAX))
        .await
        .unwrap();
    for lane in &lanes {
        let loaded = store.load_entries(std::slice::from_ref(lane), 1).await.unwrap();
        let step = store.dead_letter(by, lane, &loaded[0].entry, "no", at(1));
        step.await.unwrap();
    }
    // The publishing worker ends the lanes.
    let done: Vec<_> = lanes.iter().map(full_progress).collect();
    assert_eq!(store.acknowledge(by, at(20), &done).await.unwrap(), []);
    world
}

fn full_progress(lane: &Lane) -> Progress {
    Progress::new(lane.conversation_id, lane.lease_until, lane.head)
}

#[tokio::test]
async fn pages_of_dead_letters_end_and_cover_all_of_them() {
    let most = Operations::MAX_DEAD_LETTERS;
    let world = world_with_dead_letters(most as u64 + 1).await;
    let first = world
        .messaging
        .operations()
        .list_dead_letters(None, usize::MAX)
        .await
        .unwrap();
    assert_eq!(first.len(), most);
    let last = first.last().map(DeadLetter::position).unwrap();
    let rest = world
        .messaging
        .operations()
        .list_dead_letters(Some(&last), usize::MAX)
        .await;
    assert_eq!(rest.unwrap().len(), 1);
}

#[tokio::test]
async fn without_workers_a_requeued_event_can_be_claimed_by_any_worker() {
    let world = world_with_dead_letters(1).await;
    let dead = world
        .messaging
        .operations()
        .list_dead_letters(None, 1)
        .await
        .unwrap()
        .remove(0);
    let (id, number) = (dead.entry.conversation_id, dead.entry.number);
    assert!(world.messaging.operations().requeue(id, number).await.unwrap());
    let now = world.clock.now();
    let claim = Claim::new(worker_id(2), now, now + secs(10), 9);
    let lanes = world.store.claim_lanes(&claim).await.unwrap();
    assert_eq!((lanes.len(), lanes[0].head), (1, 2));
}
