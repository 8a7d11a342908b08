use std::{collections::BTreeSet, time::Duration};

use messaging_core::{
    domain::{change::Change, side::Side},
    store::{Appended, Claim, LaneDeferral, Requeue, Scan, Store},
};

use super::support::{Scene, at_once, claim, of};
use crate::make::{at, booking, plan, worker, worker_id};

const MOMENT: Duration = Duration::from_millis(1);

pub(crate) async fn events_are_numbered_without_gaps_in_commit_order(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.drain().await;
    scene.read(Side::Agent, &sent, at(9)).await;
    scene.link("b").await;
    scene.send(Side::Agent).await;
    let numbers: Vec<_> = scene.entries().await.iter().map(|e| e.entry.number).collect();
    assert_eq!(numbers, [3, 4, 5]);
}

pub(crate) async fn without_events_no_lane_can_be_claimed(store: &dyn Store) {
    assert_eq!(claim(store, 1, at(0), 10).await, []);
    Scene::set(store).await.drain().await;
    assert_eq!(claim(store, 1, at(1_000), 10).await, []);
}

pub(crate) async fn a_lane_without_an_owner_is_due_at_once(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let lane = scene.lane(1).with_lease_until(at(30));
    assert_eq!(claim(store, 1, at(0), 10).await, [lane]);
}

pub(crate) async fn a_lane_without_an_owner_is_due_at_once_after_the_clock_was_set_back(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.drain().await;
    let mut step = scene.to_send(Side::Client).await;
    step.message.now = at(-3_600);
    scene.append(step).await;
    assert_eq!(of(&claim(store, 1, at(-3_600), 10).await), [scene.id]);
}

pub(crate) async fn a_lane_belongs_to_its_creator_until_the_lease_expires(store: &dyn Store) {
    let opened = store.open(&plan(1, 1), worker(1, at(30))).await.unwrap();
    assert!(opened.entry.unwrap().lane.is_some());
    for worker in [1, 2] {
        assert_eq!(claim(store, worker, at(30) - MOMENT, 10).await, []);
    }
    assert_eq!(of(&claim(store, 2, at(30), 10).await), [opened.id]);
}

pub(crate) async fn a_claimed_lane_belongs_to_its_claimer_until_the_lease_expires(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let until = claim(store, 1, at(1), 10).await[0].lease_until;
    assert_eq!(until, at(31));
    for worker in [1, 2] {
        assert_eq!(claim(store, worker, until - MOMENT, 10).await, []);
    }
    let taken_over = claim(store, 2, until, 10).await;
    assert_eq!(of(&taken_over), [scene.id]);
    assert_eq!(taken_over[0].lease_until, at(61));
}

pub(crate) async fn a_lane_taken_over_starts_at_its_first_unpublished_event(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 3).await;
    claim(store, 1, at(1), 10).await;
    let rest = store
        .acknowledge(worker_id(1), at(30), &[scene.published(at(31), 2)])
        .await
        .unwrap();
    assert_eq!(rest[0].head, 3);
    let lane = scene.lane(3).with_lease_until(at(60));
    assert_eq!(claim(store, 2, at(30), 10).await, [lane]);
}

pub(crate) async fn a_later_event_extends_the_lane_and_keeps_its_owner(store: &dyn Store) {
    let scene = Scene::set(store).await;
    claim(store, 1, at(0), 10).await;
    let step = scene
        .to_send(Side::Client)
        .await
        .with_publisher(worker(2, at(999)));
    assert!(matches!(scene.append(step).await, Appended::Stored(s) if s.entry.lane.is_none()));
    assert_eq!(claim(store, 2, at(30) - MOMENT, 10).await, []);
    assert_eq!(claim(store, 2, at(30), 10).await[0].head, 1);
}

pub(crate) async fn lanes_are_claimed_longest_waiting_first_up_to_the_limit(store: &dyn Store) {
    let mut scenes = Vec::new();
    for (agency, until) in [(1, 40), (2, 10), (3, 30), (4, 20)] {
        store.open(&plan(1, agency), worker(1, at(until))).await.unwrap();
        scenes.push(plan(1, agency).id);
    }
    assert_eq!(of(&claim(store, 2, at(30), 2).await), [scenes[1], scenes[3]]);
    assert_eq!(of(&claim(store, 2, at(30), 2).await), [scenes[2]]);
    assert_eq!(claim(store, 2, at(30), 2).await, []);
}

pub(crate) async fn concurrent_workers_claim_disjoint_lanes(store: &dyn Store) {
    let mut all = BTreeSet::new();
    for agency in 1..=20 {
        all.insert(Scene::open(store, plan(1, agency)).await.id);
    }
    let claims = at_once(4, async |n: usize| {
        let by = worker_id(u64::try_from(n).expect("it is small"));
        store.claim_lanes(&Claim::new(by, at(1), at(30), 7)).await
    })
    .await;
    assert!(claims.iter().all(|lanes| lanes.len() <= 7));
    let mut claimed = claims.iter().flat_map(|lanes| of(lanes)).collect::<Vec<_>>();
    // Lanes locked by a concurrent claim may have been skipped.
    claimed.extend(of(&claim(store, 9, at(1), 20).await));
    assert_eq!(claimed.len(), 20, "no lane was claimed by two workers");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), all);
}

pub(crate) async fn lanes_without_an_owner_are_claimed_longest_waiting_first(store: &dyn Store) {
    for (agency, second) in [(1, 20), (2, 10), (3, 30)] {
        let mut plan = plan(1, agency);
        plan.now = at(second);
        Scene::open(store, plan).await;
    }
    assert_eq!(
        of(&claim(store, 1, at(30), 2).await),
        [2, 1].map(|agency| plan(1, agency).id)
    );
}

pub(crate) async fn usual_and_full_scans_claim_all_that_is_due(store: &dyn Store) {
    let mut all = Vec::new();
    for (agency, until) in [(1, 20), (2, 25), (3, 30)] {
        let opened = store.open(&plan(1, agency), worker(1, at(until))).await.unwrap();
        all.push(opened.id);
    }
    for (scan, second) in [(Scan::Usual, 30), (Scan::Full, 60), (Scan::Usual, 90)] {
        let claim = Claim::new(worker_id(2), at(second), at(second + 30), 10).with_scan(scan);
        let mut found = of(&store.claim_lanes(&claim).await.unwrap());
        found.sort();
        assert_eq!(found, all);
    }
}

/// Scan state kept from earlier claims hides no lane, even if a step names a time far in the past.
pub(crate) async fn what_a_step_makes_due_for_a_time_long_past_is_claimed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.drain().await;
    let is_due = async || {
        let claimed = claim(store, 2, at(100_000), 10).await;
        assert_eq!(of(&claimed), [scene.id]);
        let lane = claimed[0].clone();
        let nothing_is_left = async || {
            for _ in 0..3 {
                assert_eq!(claim(store, 2, at(100_000), 10).await, []);
            }
        };
        nothing_is_left().await;
        // Deferred to a time far in the past.
        let deferral = LaneDeferral::new(scene.id, lane.lease_until, at(7));
        store.defer_lanes(worker_id(2), &[deferral]).await.unwrap();
        let again = claim(store, 2, at(100_000), 10).await;
        assert_eq!(of(&again), [scene.id], "a deferral");
        let last = scene.entries().await.pop().unwrap().entry;
        let done = scene.published(again[0].lease_until, last.number);
        store.acknowledge(worker_id(2), at(8), &[done]).await.unwrap();
        nothing_is_left().await;
    };
    let early = worker(1, at(9));
    for _ in 0..3 {
        assert_eq!(claim(store, 2, at(100_000), 10).await, []);
    }

    let step = scene.to_read(Side::Agent, sent.id, at(5)).await;
    store.mark_read(&step.with_publisher(early)).await.unwrap();
    is_due().await;

    let step = scene.to_send(Side::Client).await;
    scene.append(step.with_publisher(early)).await;
    is_due().await;

    let mut step = scene.to_change(Change::Close).await;
    step.publisher = early;
    store.change_state(&step).await.unwrap();
    is_due().await;

    let mut step = plan(1, 1);
    step.booking_id = Some(booking("b"));
    store.open(&step, early).await.unwrap();
    let lane = claim(store, 2, at(100_000), 10).await.remove(0);
    let entry = scene.entries().await.remove(0).entry;
    store
        .dead_letter(worker_id(2), &lane, &entry, "no", at(10))
        .await
        .unwrap();
    let done = scene.published(lane.lease_until, entry.number);
    store.acknowledge(worker_id(2), at(8), &[done]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(claim(store, 2, at(100_000), 10).await, []);
    }
    let step = Requeue::new(scene.id, entry.number, at(11), early);
    store.requeue(&step).await.unwrap();
    is_due().await;

    // A partial acknowledgement: the lane continues under an expired lease.
    scene.send_many(Side::Agent, 2).await;
    let lane = claim(store, 2, at(100_000), 10).await.remove(0);
    for _ in 0..3 {
        assert_eq!(claim(store, 2, at(100_000), 10).await, []);
    }
    let done = scene.published(lane.lease_until, lane.head);
    store.acknowledge(worker_id(2), at(8), &[done]).await.unwrap();
    is_due().await;
}
