//! Due users and their leases.

use messaging_core::{
    domain::{
        change::Change,
        digest::DigestMark,
        side::{Recipients, Side},
    },
    id::UserId,
    store::{DigestClaim, DigestUser, Store},
    time::Timestamp,
};

use super::support::{DIGEST_DELAY, Scene, at_once, stored};
use crate::make::{agent_user_id, at, client_id, plan, secs, user_id, worker_id};

/// When message number `n` of a scene is due.
pub(super) fn due(n: i64) -> Timestamp {
    at(n) + DIGEST_DELAY
}

/// How long the suite's workers lease users.
pub(super) const LEASE: std::time::Duration = std::time::Duration::from_mins(5);

pub(super) async fn claim(store: &dyn Store, n: u64, now: Timestamp, limit: usize) -> Vec<DigestUser> {
    let claim = DigestClaim::new(worker_id(n), now, now + LEASE, limit);
    store.digests().unwrap().claim_digests(&claim).await.unwrap()
}

pub(super) fn names(due: &[DigestUser]) -> Vec<UserId> {
    due.iter().map(|due| due.lease.user_id.clone()).collect()
}

async fn mark(scene: &Scene<'_>, side: Side) -> DigestMark {
    *scene.conversation().await.digests.of(side)
}

async fn due_at(scene: &Scene<'_>, side: Side) -> Option<Timestamp> {
    mark(scene, side).await.due_at
}

pub(crate) async fn the_first_unread_message_makes_a_side_due_and_later_ones_do_not_postpone_it(
    store: &dyn Store,
) {
    let scene = Scene::set(store).await;
    assert_eq!(mark(&scene, Side::Agent).await, DigestMark::default());
    scene.send_many(Side::Client, 3).await;
    assert_eq!(due_at(&scene, Side::Agent).await, Some(due(1)));
    assert_eq!(due_at(&scene, Side::Client).await, None);
}

pub(crate) async fn a_system_message_makes_the_addressed_sides_due(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_from_system(Recipients::Side(Side::Client)).await;
    assert_eq!(due_at(&scene, Side::Agent).await, None);
    scene.send_from_system(Recipients::Both).await;
    assert_eq!(due_at(&scene, Side::Client).await, Some(due(1)));
    assert_eq!(due_at(&scene, Side::Agent).await, Some(due(2)));
}

pub(crate) async fn without_digests_no_side_is_due(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut step = scene.to_send(Side::Client).await;
    step.message.digest_at = None;
    stored(scene.append(step).await);
    assert_eq!(due_at(&scene, Side::Agent).await, None);
    scene.send(Side::Client).await;
    assert_eq!(due_at(&scene, Side::Agent).await, Some(due(2)));
}

pub(crate) async fn reading_all_messages_clears_the_due_time_and_reading_some_keeps_it(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 2).await;
    scene.read(Side::Agent, &sent[0], at(10)).await;
    assert_eq!(due_at(&scene, Side::Agent).await, Some(due(1)));
    scene.read(Side::Agent, &sent[1], at(11)).await;
    assert_eq!(due_at(&scene, Side::Agent).await, None);
    scene.send(Side::Client).await;
    assert_eq!(due_at(&scene, Side::Agent).await, Some(due(3)));
}

pub(crate) async fn concurrent_reading_and_sending_keep_a_side_with_unread_messages_due(store: &dyn Store) {
    for pair in 1..=8 {
        let scene = Scene::open(store, plan(pair, 1)).await;
        let first = scene.send(Side::Client).await;
        let (read, send) = (
            scene.to_read(Side::Agent, first.id, at(5)).await,
            scene.to_send(Side::Client).await,
        );
        at_once(2, |n| {
            let (read, send) = (&read, &send);
            async move {
                match n {
                    0 => store.mark_read(read).await.map(drop),
                    _ => store.append(send).await.map(drop),
                }
            }
        })
        .await;
        assert!(due_at(&scene, Side::Agent).await.is_some());
    }
}

pub(crate) async fn no_user_is_claimed_before_their_due_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    assert_eq!(claim(store, 1, due(1) - secs(1), 10).await, []);
    let claimed = claim(store, 1, due(1), 10).await;
    let [one] = &claimed[..] else {
        panic!("{claimed:?}")
    };
    assert_eq!(one.lease.user_id, agent_user_id(1));
    assert_eq!((one.lease.by, one.lease.until), (worker_id(1), due(1) + LEASE));
    assert_eq!((&one.attempt, &one.sent[..]), (&None, &[][..]));
}

pub(crate) async fn users_are_claimed_longest_due_first_up_to_the_limit(store: &dyn Store) {
    for (pair, waits) in [(1, 3), (2, 1), (3, 2)] {
        let scene = Scene::open(store, plan(pair, pair)).await;
        let mut step = scene.to_send(Side::Client).await;
        step.message.digest_at = Some(due(waits));
        stored(scene.append(step).await);
    }
    let first = claim(store, 1, due(9), 2).await;
    assert_eq!(names(&first), [agent_user_id(2), agent_user_id(3)]);
    assert_eq!(names(&claim(store, 1, due(9), 2).await), [agent_user_id(1)]);
}

pub(crate) async fn a_user_due_in_several_conversations_is_claimed_once(store: &dyn Store) {
    let both = user_id("both");
    for agency in 1..=3 {
        let mut plan = plan(agency, agency);
        plan.client_id = both.clone();
        let scene = Scene::open(store, plan).await;
        scene.send(Side::Agent).await;
    }
    let mut answering = plan(4, 4);
    answering.agent_user_id = both.clone();
    Scene::open(store, answering).await.send(Side::Client).await;
    assert_eq!(names(&claim(store, 1, due(9), 10).await), [both]);
}

pub(crate) async fn a_leased_user_is_skipped_until_the_lease_expires(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    claim(store, 1, due(1), 10).await;
    let over = due(1) + LEASE;
    for n in [1, 2] {
        assert_eq!(claim(store, n, over - secs(1), 10).await, []);
    }
    let claimed = claim(store, 2, over, 10).await;
    assert_eq!(names(&claimed), [agent_user_id(1)]);
    assert_eq!(
        (claimed[0].lease.by, claimed[0].lease.until),
        (worker_id(2), over + LEASE)
    );
}

pub(crate) async fn concurrent_claims_lease_each_user_once(store: &dyn Store) {
    for pair in 1..=6 {
        Scene::open(store, plan(pair, pair))
            .await
            .send(Side::Client)
            .await;
    }
    let claimed = at_once(8, |n| {
        let claim = DigestClaim::new(worker_id(n as u64), due(9), due(9) + LEASE, 4);
        async move { store.digests().unwrap().claim_digests(&claim).await }
    })
    .await;
    let mut claimed = names(&claimed.concat());
    claimed.extend(names(&claim(store, 9, due(9), 10).await));
    claimed.sort();
    assert_eq!(claimed, (1..=6).map(agent_user_id).collect::<Vec<_>>());
}

pub(crate) async fn after_a_reassignment_the_new_user_is_due(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.change(Change::Reassign(client_id(7))).await;
    assert_eq!(names(&claim(store, 1, due(1), 10).await), [client_id(7)]);
}
