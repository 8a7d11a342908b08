use messaging_core::{
    domain::side::Side,
    store::{Backlog, Store},
};

use super::support::{Scene, claim};
use crate::make::{at, client_scope, plan, worker_id};

/// Three conversations, opened at second 20, 10 and 30.
async fn three(store: &dyn Store) -> Vec<Scene<'_>> {
    let mut scenes = Vec::new();
    for (agency, second) in [(1, 20), (2, 10), (3, 30)] {
        let mut plan = plan(1, agency);
        plan.now = at(second);
        scenes.push(Scene::open(store, plan).await);
    }
    scenes
}

async fn check(store: &dyn Store, lanes: u64, oldest: i64) {
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.lanes, backlog.oldest), (lanes, Some(at(oldest))));
}

pub(crate) async fn an_empty_store_has_no_backlog(store: &dyn Store) {
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), []);
}

pub(crate) async fn a_backlog_counts_conversations_not_events(store: &dyn Store) {
    let scenes = three(store).await;
    scenes[0].send_many(Side::Client, 5).await;
    check(store, 3, 10).await;
}

pub(crate) async fn claiming_publishes_nothing(store: &dyn Store) {
    three(store).await;
    claim(store, 1, at(30), 10).await;
    check(store, 3, 10).await;
}

pub(crate) async fn a_backlog_ages_from_its_oldest_unpublished_event(store: &dyn Store) {
    let scenes = three(store).await;
    scenes[1].link_at("b", at(25)).await;
    claim(store, 1, at(30), 10).await;
    let done = [scenes[1].published(at(60), 1)];
    store.acknowledge(worker_id(1), at(70), &done).await.unwrap();
    check(store, 3, 20).await;
    let done = [scenes[0].published(at(60), 1)];
    store.acknowledge(worker_id(1), at(70), &done).await.unwrap();
    check(store, 2, 25).await;
}

pub(crate) async fn a_backlog_has_the_time_when_its_first_lane_is_due(store: &dyn Store) {
    let next_due = async || store.backlog().await.unwrap().next_due;
    three(store).await;
    assert_eq!(next_due().await, Some(at(10)), "a lane without an owner");
    let lanes = claim(store, 1, at(30), 2).await;
    assert_eq!(next_due().await, Some(at(30)), "the lane that is not leased");
    claim(store, 1, at(30), 10).await;
    assert_eq!(
        next_due().await,
        Some(lanes[0].lease_until),
        "the end of the earliest lease"
    );
}

pub(crate) async fn a_probe_of_writes_changes_nothing(store: &dyn Store) {
    let scenes = three(store).await;
    let before = store.find_summary(scenes[0].id).await.unwrap();
    for second in [40, 40, 41] {
        store.probe_writes(at(second)).await.unwrap();
    }
    check(store, 3, 10).await;
    assert_eq!(store.find_summary(scenes[0].id).await.unwrap(), before);
    let listed = store.count_conversations(&client_scope(1), 10).await.unwrap();
    assert_eq!(listed, 3);
}
