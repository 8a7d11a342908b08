use std::time::Duration;

use messaging_core::{
    domain::side::Side,
    store::{Backlog, Lane, LaneDeferral, LaneFailure, Store},
};

use super::support::{Scene, claim, of, stored};
use crate::make::{at, conversation_id, plan, worker, worker_id};

const MOMENT: Duration = Duration::from_millis(1);

/// A conversation whose events 1 to 4 worker 1 publishes, with a lease until second 30.
async fn claimed(store: &dyn Store) -> Scene<'_> {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 3).await;
    assert_eq!(of(&claim(store, 1, at(0), 10).await), [scene.id]);
    scene
}

/// Acknowledges under the lease until second `from`, with a new one until second `to`.
async fn acknowledge(scene: &Scene<'_>, by: u64, (from, to): (i64, i64), up_to: u64) -> Vec<Lane> {
    let done = [scene.published(at(from), up_to)];
    let acknowledged = scene.store.acknowledge(worker_id(by), at(to), &done);
    acknowledged.await.unwrap()
}

async fn numbers(scene: &Scene<'_>) -> Vec<u64> {
    let entries = scene.entries().await;
    entries.iter().map(|loaded| loaded.entry.number).collect()
}

pub(crate) async fn a_fully_published_lane_ends(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(acknowledge(&scene, 1, (30, 40), 4).await, []);
    assert!(numbers(&scene).await.is_empty());
    assert_eq!(claim(store, 2, at(999), 10).await, []);
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
}

pub(crate) async fn the_next_event_begins_a_new_lane(store: &dyn Store) {
    let scene = claimed(store).await;
    acknowledge(&scene, 1, (30, 40), 4).await;
    let step = scene
        .to_send(Side::Client)
        .await
        .with_publisher(worker(2, at(90)));
    let lane = stored(scene.append(step).await).entry.lane;
    let expected = scene.lane(5).with_lease_until(at(90));
    assert_eq!(lane, Some(expected));
}

pub(crate) async fn a_partly_published_lane_continues_after_the_acknowledged_entries(store: &dyn Store) {
    let scene = claimed(store).await;
    let rest = scene.lane(3).with_lease_until(at(40));
    assert_eq!(acknowledge(&scene, 1, (30, 40), 2).await, [rest]);
    assert_eq!(numbers(&scene).await, [3, 4]);
}

pub(crate) async fn a_partial_acknowledgement_renews_the_lease(store: &dyn Store) {
    let scene = claimed(store).await;
    acknowledge(&scene, 1, (30, 80), 2).await;
    assert_eq!(claim(store, 2, at(80) - MOMENT, 10).await, []);
    assert_eq!(of(&claim(store, 2, at(80), 10).await), [scene.id]);
}

pub(crate) async fn an_owner_continues_under_its_renewed_lease(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(acknowledge(&scene, 1, (30, 40), 1).await[0].head, 2);
    assert_eq!(acknowledge(&scene, 1, (40, 50), 3).await[0].head, 4);
    assert_eq!(acknowledge(&scene, 1, (50, 60), 4).await, []);
    assert!(numbers(&scene).await.is_empty());
}

pub(crate) async fn an_event_committed_since_loading_is_not_lost(store: &dyn Store) {
    let scene = claimed(store).await;
    let loaded = scene.entries().await.last().unwrap().entry.number;
    scene.send(Side::Agent).await;
    let rest = acknowledge(&scene, 1, (30, 40), loaded).await;
    assert_eq!(rest.len(), 1, "the owner learns of the remaining entries");
    assert_eq!((rest[0].head, numbers(&scene).await), (5, vec![5]));
}

pub(crate) async fn a_partial_acknowledgement_resets_failures(store: &dyn Store) {
    let scene = claimed(store).await;
    for failure in [LaneFailure::Transport, LaneFailure::Refused] {
        let delay = LaneDeferral::new(scene.id, at(30), at(0)).with_failure(failure);
        store.defer_lanes(worker_id(1), &[delay]).await.unwrap();
        let lanes = claim(store, 1, at(0), 10).await;
        assert!(lanes[0].tries + lanes[0].refusals > 0);
    }
    let rest = acknowledge(&scene, 1, (30, 40), 2).await;
    assert_eq!((rest[0].tries, rest[0].refusals), (0, 0));
    let lanes = claim(store, 2, at(40), 10).await;
    assert_eq!((lanes[0].tries, lanes[0].refusals), (0, 0));
}

pub(crate) async fn an_acknowledgement_without_ownership_has_no_effect(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(acknowledge(&scene, 2, (30, 999), 4).await, []);
    assert_eq!(numbers(&scene).await, [1, 2, 3, 4]);
    assert_eq!(claim(store, 2, at(30) - MOMENT, 10).await, []);
    assert_eq!(claim(store, 2, at(30), 10).await[0].head, 1);
}

pub(crate) async fn an_acknowledgement_by_a_former_owner_has_no_effect(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(of(&claim(store, 2, at(30), 10).await), [scene.id]);
    for lease in [30, 60] {
        assert_eq!(acknowledge(&scene, 1, (lease, 999), 4).await, []);
    }
    assert_eq!(numbers(&scene).await, [1, 2, 3, 4]);
    assert_eq!(claim(store, 3, at(60) - MOMENT, 10).await, []);
    assert_eq!(acknowledge(&scene, 2, (60, 90), 4).await, []);
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
}

pub(crate) async fn an_earlier_lease_has_no_effect(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(of(&claim(store, 1, at(30), 10).await), [scene.id]);
    assert_eq!(acknowledge(&scene, 1, (30, 999), 4).await, []);
    assert_eq!(numbers(&scene).await, [1, 2, 3, 4]);
    assert_eq!(acknowledge(&scene, 1, (60, 70), 1).await[0].head, 2);
    assert_eq!(acknowledge(&scene, 1, (60, 999), 4).await, []);
    assert_eq!(numbers(&scene).await, [2, 3, 4]);
}

pub(crate) async fn several_lanes_are_acknowledged_in_one_call(store: &dyn Store) {
    let mut scenes = Vec::new();
    for agency in 1..=4 {
        let scene = Scene::open(store, plan(1, agency)).await;
        scene.send(Side::Client).await;
        scenes.push(scene);
    }
    claim(store, 1, at(0), 10).await;
    let done = [
        scenes[0].published(at(30), 1),
        scenes[1].published(at(30), 2),
        scenes[2].published(at(30), 1),
        scenes[3].published(at(29), 1),
    ];
    let mut rest = store.acknowledge(worker_id(1), at(40), &done).await.unwrap();
    rest.sort_by_key(|lane| lane.conversation_id);
    let expected = [&scenes[0], &scenes[2]].map(|scene| scene.lane(2).with_lease_until(at(40)));
    assert_eq!(rest, expected);
    assert_eq!(numbers(&scenes[3]).await, [1, 2]);
}

pub(crate) async fn acknowledging_a_missing_lane_has_no_effect(store: &dyn Store) {
    let scene = claimed(store).await;
    acknowledge(&scene, 1, (30, 40), 4).await;
    assert_eq!(acknowledge(&scene, 1, (30, 40), 4).await, []);
    let nowhere = Scene {
        id: conversation_id(9),
        ..scene
    };
    assert_eq!(acknowledge(&nowhere, 1, (30, 40), 4).await, []);
    assert_eq!(store.acknowledge(worker_id(1), at(40), &[]).await.unwrap(), []);
}
