use messaging_core::{
    domain::side::Side,
    id::ConversationId,
    store::{Backlog, Publisher, Requeue, Requeued, Store},
};
use uuid::Uuid;

use super::{
    dead_letters::Claimed,
    support::{at_once, claim, requeued},
};
use crate::make::{at, message_id, worker_id};

/// A requeue at second 50 that leaves the lane unowned.
fn requeue(claimed: &Claimed<'_>, number: u64) -> Requeue {
    Requeue::new(claimed.scene.id, number, at(50), Publisher::Anyone)
}

/// The same requeue, with the lane given to worker 2 until second 90.
fn for_worker(claimed: &Claimed<'_>, number: u64) -> Requeue {
    requeue(claimed, number).with_publisher(Publisher::Worker {
        id: worker_id(2),
        lease_until: at(90),
    })
}

/// Moves all three events to the dead letters, so that no event is unpublished.
async fn claimed_dead_letters(store: &dyn Store) -> Claimed<'_> {
    let claimed = Claimed::set(store).await;
    for number in 1..=3 {
        claimed.dead_letter(1, number, "no", 9).await;
    }
    let done = [claimed.scene.published(claimed.lane.lease_until, 0)];
    assert_eq!(store.acknowledge(worker_id(1), at(40), &done).await.unwrap(), []);
    claimed
}

pub(crate) async fn a_requeued_event_is_the_newest_of_its_conversation(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 2, "no", 9).await;
    assert_eq!(
        requeued(store.requeue(&for_worker(&claimed, 2)).await.unwrap()).lane,
        None
    );
    assert_eq!(claimed.numbers().await, [1, 3, 4]);
    let newest = claimed.scene.entries().await.remove(2).entry;
    assert_eq!((newest.kind, newest.at), (claimed.entries[1].kind, at(50)));
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), []);
    let rest = claimed.acknowledge(3).await;
    assert_eq!((rest.len(), rest[0].head), (1, 4), "its owner continues with it");
}

pub(crate) async fn receipts_and_updates_are_requeued_unchanged(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    let last = claimed.scene.send(Side::Client).await;
    claimed.scene.read(Side::Agent, &last, at(9)).await;
    let all: Vec<_> = claimed.scene.entries().await;
    for loaded in &all {
        let step = store.dead_letter(worker_id(1), &claimed.lane, &loaded.entry, "no", at(9));
        step.await.unwrap();
    }
    for loaded in &all {
        let answer = store.requeue(&requeue(&claimed, loaded.entry.number)).await;
        assert_eq!(requeued(answer.unwrap()).lane, None);
    }
    let again = claimed.scene.entries().await;
    let subjects = |loaded: Vec<messaging_core::store::LoadedEntry>| {
        loaded.into_iter().map(|one| one.subject).collect::<Vec<_>>()
    };
    assert_eq!(subjects(again), subjects(all));
}

pub(crate) async fn without_a_lane_the_requeueing_publisher_owns_the_new_lane(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    let lane = claimed.lane.clone().with_head(4).with_lease_until(at(90));
    let given = requeued(store.requeue(&for_worker(&claimed, 3)).await.unwrap());
    assert_eq!(given.lane, Some(lane));
    assert_eq!(
        requeued(store.requeue(&for_worker(&claimed, 1)).await.unwrap()).lane,
        None
    );
    assert_eq!(claim(store, 3, at(89), 10).await, []);
    let taken_over = claim(store, 3, at(90), 10).await;
    assert_eq!(taken_over[0].head, 4);
}

pub(crate) async fn without_a_lane_or_a_publisher_a_requeued_event_is_due_at_once(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    assert_eq!(
        requeued(store.requeue(&requeue(&claimed, 2)).await.unwrap()).lane,
        None
    );
    let backlog = Backlog::default()
        .with_lanes(1)
        .with_oldest(Some(at(50)))
        .with_next_due(Some(at(50)))
        .with_dead_letters(2);
    assert_eq!(
        store.backlog().await.unwrap(),
        backlog,
        "its age counts from the requeue"
    );
    let due = claim(store, 3, at(50), 10).await;
    assert_eq!((due.len(), due[0].head), (1, 4));
}

pub(crate) async fn requeueing_twice_requeues_once(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    assert_eq!(
        requeued(store.requeue(&requeue(&claimed, 1)).await.unwrap()).lane,
        None
    );
    let again = store.requeue(&requeue(&claimed, 1)).await.unwrap();
    assert_eq!(again, Requeued::NotFound);
    assert_eq!(claimed.numbers().await, [4]);
}

pub(crate) async fn of_concurrent_requeues_one_takes_effect(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    let step = requeue(&claimed, 1);
    let outcomes = at_once(8, |_| async move { store.requeue(&step).await }).await;
    let done = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Requeued::Done(entry) if entry.lane.is_none()))
        .count();
    assert_eq!(done, 1, "{outcomes:?}");
    assert_eq!(claimed.numbers().await, [4]);
}

pub(crate) async fn events_requeued_during_sends_are_numbered_without_gaps(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.scene.send_many(Side::Client, 5).await;
    let all = claimed.scene.entries().await;
    for loaded in &all {
        let step = store.dead_letter(worker_id(1), &claimed.lane, &loaded.entry, "no", at(9));
        step.await.unwrap();
    }
    let sent = claimed.scene.to_send(Side::Agent).await;
    let count = all.len();
    at_once(2 * count, |n| {
        let step = requeue(&claimed, n as u64 / 2 + 1);
        let mut sent = sent.clone();
        sent.message.id = message_id(100 + n as u64);
        sent.message.idempotency_key = None;
        async move {
            if n % 2 == 0 {
                let entry = requeued(store.requeue(&step).await?);
                assert_eq!(entry.lane, None);
            } else {
                store.append(&sent).await?;
            }
            Ok(())
        }
    })
    .await;
    let first = count as u64 + 1;
    let dense: Vec<_> = (first..first + 2 * count as u64).collect();
    assert_eq!(claimed.numbers().await, dense);
    let mut kinds: Vec<_> = claimed.scene.entries().await;
    kinds.retain(|one| all.iter().any(|before| before.entry.kind == one.entry.kind));
    assert_eq!(kinds.len(), count, "each event occurs once");
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), []);
}

pub(crate) async fn the_next_event_follows_the_requeued_one(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    store.requeue(&for_worker(&claimed, 1)).await.unwrap();
    claimed.scene.send(Side::Client).await;
    assert_eq!(claimed.numbers().await, [4, 5]);
    let done = [claimed.scene.published(at(90), 4)];
    let rest = store.acknowledge(worker_id(2), at(95), &done).await.unwrap();
    assert_eq!((rest.len(), rest[0].head), (1, 5));
}

pub(crate) async fn an_entry_that_is_no_dead_letter_is_not_requeued(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 1, "no", 9).await;
    let elsewhere = requeue(&claimed, 1).with_conversation_id(ConversationId::new(Uuid::from_u128(7)));
    for step in [
        requeue(&claimed, 2),
        requeue(&claimed, 0),
        requeue(&claimed, u64::MAX),
        elsewhere,
    ] {
        assert_eq!(store.requeue(&step).await.unwrap(), Requeued::NotFound);
    }
    assert_eq!(claimed.numbers().await, [2, 3]);
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_requeued_event_can_become_a_dead_letter_again(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    store.requeue(&for_worker(&claimed, 2)).await.unwrap();
    let loaded = claimed.scene.entries().await.remove(0);
    let lane = claimed.lane.clone().with_head(4).with_lease_until(at(90));
    let dead = store.dead_letter(worker_id(2), &lane, &loaded.entry, "again", at(60));
    dead.await.unwrap();
    let listed = store.list_dead_letters(None, 10).await.unwrap();
    let numbers: Vec<_> = listed.iter().map(|one| one.entry.number).collect();
    assert_eq!(numbers, [1, 3, 4]);
    assert_eq!(
        requeued(store.requeue(&requeue(&claimed, 4)).await.unwrap()).lane,
        None
    );
    assert_eq!(claimed.numbers().await, [5]);
}

pub(crate) async fn requeueing_changes_only_the_outbox(store: &dyn Store) {
    let claimed = claimed_dead_letters(store).await;
    let before = claimed.scene.conversation().await;
    store.requeue(&requeue(&claimed, 2)).await.unwrap();
    assert_eq!(claimed.scene.conversation().await, before);
    assert_eq!(claimed.scene.unread(Side::Agent).await, 2);
}
