use std::error::Error;

use messaging_core::store::{
    Claim, ConversationStore, Lane, LaneDeferral, LaneFailure, OutboxStore, Progress, Publisher, Requeue,
    Requeued, StoreErrorKind,
};
use messaging_sqlx::SqliteStore;

use crate::support::sqlite::{Place, append, at, plan, stored, worker};

fn by(n: u128) -> Publisher {
    Publisher::Worker {
        id: worker(n),
        lease_until: at(10),
    }
}

async fn claim(store: &SqliteStore, n: u128) -> Result<usize, StoreErrorKind> {
    let lanes = store.claim_lanes(&Claim::new(worker(n), at(5), at(15), 9)).await;
    lanes.map(|lanes| lanes.len()).map_err(|error| error.kind())
}

#[tokio::test]
async fn workers_of_a_second_store_are_refused() {
    let place = Place::new();
    let (first, second) = (place.open().await, place.open().await);
    assert_eq!(claim(&first, 1).await, Ok(0));
    let error = second
        .claim_lanes(&Claim::new(worker(2), at(5), at(15), 9))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly);
    assert_eq!(
        error.source().unwrap().to_string(),
        "another process, or another store of this one, has workers on this database"
    );
    assert_eq!(claim(&first, 1).await, Ok(0));
}

#[tokio::test]
async fn a_lane_created_by_a_second_store_has_no_owner() {
    let place = Place::new();
    let (first, second) = (place.open().await, place.open().await);
    let opened = first.open(&plan(1), by(1)).await.unwrap();
    assert_eq!(
        opened.entry.unwrap().lane.map(|lane| lane.lease_until),
        Some(at(10))
    );
    assert_eq!(
        second.open(&plan(2), by(2)).await.unwrap().entry.unwrap().lane,
        None
    );
    let third = append(2, 20).with_publisher(by(2));
    assert_eq!(stored(second.append(&third).await.unwrap()).entry.lane, None);

    let lanes = first
        .claim_lanes(&Claim::new(worker(1), at(1), at(10), 9))
        .await
        .unwrap();
    assert_eq!(lanes.len(), 1, "the second store's lane is due at once");
    assert_eq!(first.load_entries(&lanes, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_event_requeued_by_a_second_store_is_published_by_the_first() {
    let place = Place::new();
    let (first, second) = (place.open().await, place.open().await);
    let lane = first
        .open(&plan(1), by(1))
        .await
        .unwrap()
        .entry
        .unwrap()
        .lane
        .unwrap();
    let lanes = std::slice::from_ref(&lane);
    let entry = first.load_entries(lanes, 1).await.unwrap().remove(0).entry;
    let refused = first.dead_letter(worker(1), &lane, &entry, "no", at(1)).await;
    refused.unwrap();
    let progress = Progress::new(lane.conversation_id, lane.lease_until, 1);
    assert_eq!(
        first.acknowledge(worker(1), at(20), &[progress]).await.unwrap(),
        []
    );

    let step = Requeue::new(lane.conversation_id, 1, at(2), by(2));
    let requeued = second.requeue(&step).await.unwrap();
    assert!(
        matches!(requeued, Requeued::Done(entry) if entry.lane.is_none()),
        "the second store has no workers"
    );
    assert_eq!(claim(&first, 1).await, Ok(1));
}

#[tokio::test]
async fn clones_are_one_store() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(claim(&store, 1).await, Ok(0));
    assert_eq!(claim(&store.clone(), 2).await, Ok(0));
}

#[tokio::test]
async fn a_dropped_or_closed_store_releases_the_worker_lock() {
    let place = Place::new();
    let (first, second, third) = (place.open().await, place.open().await, place.open().await);
    assert_eq!(claim(&first, 1).await, Ok(0));
    assert_eq!(claim(&second, 2).await, Err(StoreErrorKind::ReadOnly));
    drop(first);
    assert_eq!(claim(&second, 2).await, Ok(0));
    assert_eq!(claim(&third, 3).await, Err(StoreErrorKind::ReadOnly));
    second.close().await;
    assert_eq!(claim(&second, 2).await, Err(StoreErrorKind::ReadOnly));
    assert_eq!(claim(&third, 3).await, Ok(0));
}

#[tokio::test]
async fn an_unavailable_lock_refuses_workers() {
    let place = Place::new();
    let store = place.open().await;
    let mut lock = place.path().into_os_string();
    lock.push(".workers");
    std::fs::create_dir(lock).unwrap();
    assert_eq!(claim(&store, 1).await, Err(StoreErrorKind::ReadOnly));
    assert_eq!(
        store.open(&plan(1), by(1)).await.unwrap().entry.unwrap().lane,
        None
    );
}

#[tokio::test]
async fn an_acknowledgement_under_an_old_lease_has_no_effect() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), by(1)).await.unwrap();
    let old = store
        .claim_lanes(&Claim::new(worker(1), at(10), at(20), 9))
        .await
        .unwrap()
        .remove(0);
    let new = store
        .claim_lanes(&Claim::new(worker(1), at(20), at(30), 9))
        .await
        .unwrap()
        .remove(0);
    let delay = |lane: &Lane| {
        LaneDeferral::new(lane.conversation_id, lane.lease_until, at(25)).with_failure(LaneFailure::Transport)
    };
    let progress = Progress::new(old.conversation_id, old.lease_until, 1);
    let entry = store
        .load_entries(std::slice::from_ref(&old), 1)
        .await
        .unwrap()
        .remove(0)
        .entry;

    store.defer_lanes(worker(1), &[delay(&old)]).await.unwrap();
    assert_eq!(
        store.acknowledge(worker(1), at(40), &[progress]).await.unwrap(),
        []
    );
    store
        .dead_letter(worker(1), &old, &entry, "too large", at(21))
        .await
        .unwrap();
    assert!(claim_at(&store, 29).await.is_empty());
    assert_eq!(store.list_dead_letters(None, 9).await.unwrap(), []);

    store.defer_lanes(worker(1), &[delay(&new)]).await.unwrap();
    assert_eq!(claim_at(&store, 29).await, [1]);
}

/// Returns the failure count of each lane due at that time.
async fn claim_at(store: &SqliteStore, now: u64) -> Vec<u32> {
    let lanes = store
        .claim_lanes(&Claim::new(worker(1), at(now), at(60), 9))
        .await
        .unwrap();
    lanes.iter().map(|lane| lane.tries).collect()
}
