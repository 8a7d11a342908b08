//! A dropped future has taken either full effect or none.

use futures_util::FutureExt;
use messaging_core::{
    domain::side::Side,
    store::{Claim, Direction, EntryKind, Publisher, Store},
};

use super::support::{Scene, claim, of};
use crate::{
    make::{at, booking, key, plan, worker_id},
    retry::retry,
};

const MANY: usize = 1_000;

pub(crate) async fn a_cancelled_and_repeated_opening_creates_one_conversation(store: &dyn Store) {
    let plan = plan(1, 1).with_booking_id(Some(booking("b")));
    let dropped = store.open(&plan, Publisher::Anyone).now_or_never();
    let opened = retry(|| store.open(&plan, Publisher::Anyone)).await;
    if let Some(Ok(first)) = dropped {
        assert!(first.created && !opened.created);
    }
    assert_eq!(opened.id, plan.id);
    assert_eq!(store.list_bookings(opened.id).await.unwrap(), [booking("b")]);
    let scene = Scene { store, id: opened.id };
    assert_eq!(scene.entries().await.len(), 1);
}

pub(crate) async fn a_cancelled_and_repeated_send_stores_one_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for n in 1..=5 {
        let mut step = scene.to_send(Side::Client).await;
        step.message.idempotency_key = Some(key(format!("k{n}")));
        drop(store.append(&step).now_or_never());
        retry(|| store.append(&step)).await;
        assert_eq!(scene.unread(Side::Agent).await, n);
    }
    assert_eq!(
        scene.seqs(Direction::Newest, 10).await,
        (vec![1, 2, 3, 4, 5], false)
    );
    assert_eq!(scene.entries().await.len(), 6, "the opening and five messages");
}

pub(crate) async fn a_cancelled_and_repeated_mark_read_stores_one_receipt(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    let step = scene.to_read(Side::Agent, sent.id, at(9)).await;
    drop(store.mark_read(&step).now_or_never());
    retry(|| store.mark_read(&step)).await;
    assert_eq!(scene.unread(Side::Agent).await, 0);
    let entries = scene.entries().await;
    let reads = entries
        .iter()
        .filter(|one| matches!(one.entry.kind, EntryKind::Read { .. }));
    assert_eq!(reads.count(), 1);
}

pub(crate) async fn lanes_of_a_cancelled_claim_are_due_after_the_lease(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = Claim::new(worker_id(1), at(0), at(30), 10);
    let dropped = store.claim_lanes(&first);
    drop(dropped.now_or_never());
    // A dropped claim may still be in progress, and its lanes are then skipped.
    let mut lanes = Vec::new();
    for _ in 0..MANY {
        lanes.extend(claim(store, 2, at(30), 10).await);
        if !lanes.is_empty() {
            break;
        }
    }
    assert_eq!(of(&lanes), [scene.id]);
}

pub(crate) async fn a_cancelled_and_repeated_acknowledgement_ends_the_lane(store: &dyn Store) {
    let scene = Scene::set(store).await;
    claim(store, 1, at(0), 10).await;
    let done = [scene.published(at(30), 1)];
    drop(store.acknowledge(worker_id(1), at(40), &done).now_or_never());
    assert_eq!(retry(|| store.acknowledge(worker_id(1), at(40), &done)).await, []);
    assert_eq!(claim(store, 2, at(999), 10).await, []);
}
