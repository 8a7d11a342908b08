//! Lanes that are committed after the scan watermark has passed their due time. A scan from the watermark may
//! miss them; full scans find them.

use std::time::Duration;

use messaging_core::{
    id::ConversationId,
    store::{Claim, ConversationStore as _, OutboxStore as _, Progress, Publisher, Scan},
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{at, booking, plan, secs, worker, worker_id};
use sqlx::{Connection as _, PgConnection};

use crate::support::postgres::Bench;

const LEASE: u64 = 10;
/// The interval between full scans, in seconds.
const FULL_SCAN_EVERY: i64 = 300;
/// The time at which the watermark is set.
const NOW: i64 = 1_000;

async fn claim_as(store: &PgStore, second: i64, scan: Scan) -> Vec<ConversationId> {
    let claim = Claim::new(worker_id(1), at(second), at(second) + secs(LEASE), 9).with_scan(scan);
    let lanes = store.claim_lanes(&claim).await.unwrap();
    lanes.into_iter().map(|lane| lane.conversation_id).collect()
}

async fn claim(store: &PgStore, second: i64) -> Vec<ConversationId> {
    claim_as(store, second, Scan::Usual).await
}

/// A store that has published everything and set its watermark, and the store of another process.
async fn scene(bench: &Bench) -> (PgStore, PgStore) {
    let store = bench.store();
    set_watermark(&store).await;
    (store, bench.store())
}

/// Publishes everything, and checks that no lane is claimed twice.
async fn set_watermark(store: &PgStore) {
    let lanes = store
        .claim_lanes(&Claim::new(worker_id(1), at(0), at(10), 9))
        .await
        .unwrap();
    let done: Vec<_> = lanes
        .iter()
        .map(|lane| Progress::new(lane.conversation_id, lane.lease_until, lane.head))
        .collect();
    assert_eq!(store.acknowledge(worker_id(1), at(10), &done).await.unwrap(), []);
    for _ in 0..2 {
        assert_eq!(claim(store, NOW).await, []);
    }
}

#[tokio::test]
async fn a_lane_of_another_process_before_the_watermark_is_found_by_the_full_scan_every_few_minutes() {
    let bench = Bench::new().await;
    let (store, other) = scene(&bench).await;
    let early = at(NOW) - secs(2 * LEASE) - Duration::from_millis(1);
    let opened = other.open(&plan(2, 1), worker(2, early)).await.unwrap();
    assert_eq!(claim(&store, NOW).await, [], "the lane is before the watermark");
    assert_eq!(
        claim(&store.clone(), NOW + FULL_SCAN_EVERY - 1).await,
        [],
        "a clone is the same store"
    );
    assert_eq!(claim(&store, NOW + FULL_SCAN_EVERY).await, [opened.id]);
}

#[tokio::test]
async fn a_lane_of_another_process_within_two_leases_is_found_by_the_next_scan() {
    let bench = Bench::new().await;
    let (store, other) = scene(&bench).await;
    let late = at(NOW) - secs(2 * LEASE);
    let opened = other.open(&plan(2, 1), worker(2, late)).await.unwrap();
    assert_eq!(claim(&store, NOW).await, [opened.id]);
}

#[tokio::test]
async fn a_lane_before_the_watermark_is_found_by_a_requested_full_scan() {
    let bench = Bench::new().await;
    let (store, other) = scene(&bench).await;
    let opened = other.open(&plan(2, 1), worker(2, at(20))).await.unwrap();
    assert_eq!(claim(&store, NOW).await, []);
    assert_eq!(claim_as(&store, NOW, Scan::Full).await, [opened.id]);
}

/// The host calls `wake` after its commit, which requests a full scan.
#[tokio::test]
async fn entries_committed_late_by_the_host_are_found_by_a_requested_full_scan() {
    let bench = Bench::new().await;
    let store = bench.store();
    let mut connection = PgConnection::connect(&bench.url()).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    let mut linking = plan(1, 1);
    linking.booking_id = Some(booking("b"));
    linking.now = at(5);
    let linked = store.open_in_transaction(&mut tx, &linking).await.unwrap();
    let opened = store.open_in_transaction(&mut tx, &plan(2, 1)).await.unwrap();
    set_watermark(&store).await;
    tx.commit().await.unwrap();
    assert_eq!(claim(&store, NOW).await, [], "the lanes are before the watermark");
    let mut found = claim_as(&store, NOW, Scan::Full).await;
    found.sort();
    assert_eq!(found, [linked.id, opened.id]);
}

/// A scan skips locked rows. Two full scans therefore precede the first scan from the watermark.
#[tokio::test]
async fn a_lane_that_one_full_scan_skipped_is_found_by_the_second() {
    let bench = Bench::new().await;
    let store = bench.store();
    let opened = store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
    let mut locked = bench.session().await;
    locked.run("BEGIN; SELECT FROM messaging.lane FOR UPDATE").await;
    assert_eq!(claim(&store, NOW).await, []);
    locked.release().await;
    assert_eq!(claim(&store, NOW + 1).await, [opened.id]);
}

/// The watermark does not pass a link that cannot be numbered because its conversation is locked.
#[tokio::test]
async fn the_watermark_waits_for_a_link_whose_conversation_is_locked() {
    let bench = Bench::new().await;
    let store = bench.store();
    set_watermark(&store).await;
    let mut connection = PgConnection::connect(&bench.url()).await.unwrap();
    let mut linking = plan(1, 1);
    linking.booking_id = Some(booking("b"));
    linking.now = at(NOW);
    let mut tx = connection.begin().await.unwrap();
    let linked = store.open_in_transaction(&mut tx, &linking).await.unwrap();
    tx.commit().await.unwrap();
    let locked = bench.lock().await;
    for second in NOW..NOW + 100 {
        assert_eq!(claim(&store, second).await, []);
    }
    locked.release().await;
    assert_eq!(claim(&store, NOW + 100).await, [linked.id]);
}
