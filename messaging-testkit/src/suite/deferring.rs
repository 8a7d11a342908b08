use std::time::Duration;

use messaging_core::{
    domain::side::Side,
    store::{LaneDeferral, LaneFailure, Store},
};

use super::support::{Scene, claim, of};
use crate::make::{at, conversation_id, plan, worker_id};

const MOMENT: Duration = Duration::from_millis(1);

/// A conversation whose lane worker 1 owns, with a lease until second 30.
async fn claimed(store: &dyn Store) -> Scene<'_> {
    let scene = Scene::set(store).await;
    assert_eq!(of(&claim(store, 1, at(0), 10).await), [scene.id]);
    scene
}

/// Moves the lane held under the lease until second `from` to second `to`.
async fn delay(scene: &Scene<'_>, by: u64, (from, to): (i64, i64), failure: LaneFailure) {
    let delay = LaneDeferral::new(scene.id, at(from), at(to)).with_failure(failure);
    scene.store.defer_lanes(worker_id(by), &[delay]).await.unwrap();
}

pub(crate) async fn a_lane_deferred_within_its_lease_can_be_claimed_at_its_time(store: &dyn Store) {
    let scene = claimed(store).await;
    delay(&scene, 1, (30, 5), LaneFailure::None).await;
    assert_eq!(claim(store, 2, at(5) - MOMENT, 10).await, []);
    assert_eq!(of(&claim(store, 2, at(5), 10).await), [scene.id]);
}

pub(crate) async fn a_lane_deferred_beyond_its_lease_cannot_be_claimed_before_its_time(store: &dyn Store) {
    let scene = claimed(store).await;
    delay(&scene, 1, (30, 500), LaneFailure::None).await;
    for worker in [1, 2] {
        assert_eq!(claim(store, worker, at(500) - MOMENT, 10).await, []);
    }
    assert_eq!(of(&claim(store, 1, at(500), 10).await), [scene.id]);
}

pub(crate) async fn failures_are_counted_by_their_kind(store: &dyn Store) {
    let scene = claimed(store).await;
    for (failure, counts) in [
        (LaneFailure::None, (0, 0)),
        (LaneFailure::Transport, (1, 0)),
        (LaneFailure::Transport, (2, 0)),
        (LaneFailure::Refused, (2, 1)),
        (LaneFailure::None, (2, 1)),
        (LaneFailure::Refused, (2, 2)),
    ] {
        delay(&scene, 1, (30, 0), failure).await;
        let lane = &claim(store, 1, at(0), 10).await[0];
        assert_eq!((lane.tries, lane.refusals), counts);
        assert_eq!((lane.conversation_id, lane.head), (scene.id, 1));
    }
}

pub(crate) async fn claiming_a_lane_is_no_failure(store: &dyn Store) {
    claimed(store).await;
    let lane = &claim(store, 2, at(30), 10).await[0];
    assert_eq!((lane.tries, lane.refusals), (0, 0));
}

pub(crate) async fn a_new_event_waits_with_its_deferred_lane(store: &dyn Store) {
    let scene = claimed(store).await;
    delay(&scene, 1, (30, 60), LaneFailure::Transport).await;
    scene.send(Side::Client).await;
    assert_eq!(claim(store, 2, at(60) - MOMENT, 10).await, []);
    let lane = &claim(store, 2, at(60), 10).await[0];
    assert_eq!((lane.head, lane.tries), (1, 1));
    assert_eq!(scene.entries().await.len(), 2);
}

pub(crate) async fn a_lane_is_deferred_only_by_its_owner(store: &dyn Store) {
    let scene = claimed(store).await;
    delay(&scene, 2, (30, 0), LaneFailure::Transport).await;
    assert_eq!(claim(store, 2, at(30) - MOMENT, 10).await, []);
    assert_eq!(claim(store, 2, at(30), 10).await[0].tries, 0);
}

pub(crate) async fn an_earlier_lease_has_no_effect(store: &dyn Store) {
    let scene = claimed(store).await;
    assert_eq!(of(&claim(store, 1, at(30), 10).await), [scene.id]);
    delay(&scene, 1, (30, 0), LaneFailure::Refused).await;
    assert_eq!(claim(store, 2, at(60) - MOMENT, 10).await, []);
    assert_eq!(claim(store, 2, at(60), 10).await[0].refusals, 0);
}

pub(crate) async fn a_deferred_lane_cannot_be_acknowledged_by_its_former_owner(store: &dyn Store) {
    let scene = claimed(store).await;
    scene.send(Side::Client).await;
    delay(&scene, 1, (30, 30), LaneFailure::None).await;
    let done = [scene.published(at(30), 2)];
    assert_eq!(store.acknowledge(worker_id(1), at(999), &done).await.unwrap(), []);
    assert_eq!(scene.entries().await.len(), 2);
    assert_eq!(of(&claim(store, 2, at(30), 10).await), [scene.id]);
}

pub(crate) async fn several_lanes_are_deferred_in_one_call(store: &dyn Store) {
    let mut deferrals = Vec::new();
    for (agency, until) in [(1, 50), (2, 40), (3, 60)] {
        deferrals.push(LaneDeferral::new(
            Scene::open(store, plan(1, agency)).await.id,
            at(30),
            at(until),
        ));
    }
    deferrals.push(deferrals[0].with_conversation_id(conversation_id(9)));
    claim(store, 1, at(0), 10).await;
    store.defer_lanes(worker_id(1), &deferrals).await.unwrap();
    assert_eq!(
        of(&claim(store, 2, at(50), 10).await),
        [2, 1].map(|agency| plan(1, agency).id)
    );
    assert_eq!(of(&claim(store, 2, at(60), 10).await), [plan(1, 3).id]);
}
