use messaging_core::{
    domain::{change::Change, side::Side},
    store::{Appended, Changed, Direction, EntryKind, Publisher, Requeue, Store},
};

use super::support::{Scene, at_once, claim, done, ids, list};
use crate::make::{agent_scope, agent_user_id, at, client_id, conversation_id, user_id, worker, worker_id};

/// Changes that each have an effect when applied in this order.
fn changes() -> [Change; 9] {
    [
        Change::Block(Side::Client),
        Change::Block(Side::Agent),
        Change::Unblock(Side::Client),
        Change::Close,
        Change::Unblock(Side::Agent),
        Change::Reopen,
        Change::Reassign(user_id("new")),
        Change::Block(Side::Agent),
        Change::Reassign(agent_user_id(1)),
    ]
}

pub(crate) async fn each_change_is_applied_and_raises_the_access_version(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let mut expected = scene.conversation().await;
    for change in changes() {
        assert!(expected.apply(&change));
        assert_eq!(done(scene.change(change.clone()).await).lane, None);
        assert_eq!(scene.conversation().await, expected, "{change:?}");
    }
}

pub(crate) async fn a_change_already_made_has_no_effect(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for change in [
        Change::Unblock(Side::Client),
        Change::Unblock(Side::Agent),
        Change::Reopen,
        Change::Reassign(agent_user_id(1)),
    ] {
        assert_eq!(scene.change(change).await, Changed::AlreadySo);
    }
    let untouched = (
        scene.conversation().await.access_version,
        scene.entries().await.len(),
    );
    assert_eq!(untouched, (0, 1), "only the opening is an event");

    for change in changes() {
        scene.change(change.clone()).await;
        let before = (scene.summary().await, scene.entries().await.len());
        assert_eq!(scene.change(change).await, Changed::AlreadySo);
        assert_eq!((scene.summary().await, scene.entries().await.len()), before);
    }
}

pub(crate) async fn a_stale_access_version_changes_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let decided = scene.to_change(Change::Close).await;
    scene.change(Change::Block(Side::Client)).await;
    let before = (scene.summary().await, scene.entries().await);
    assert_eq!(store.change_state(&decided).await.unwrap(), Changed::Conflict);
    let mut no_change = scene.to_change(Change::Reopen).await;
    no_change.access_version = decided.access_version;
    assert_eq!(store.change_state(&no_change).await.unwrap(), Changed::Conflict);
    assert_eq!((scene.summary().await, scene.entries().await), before);
}

pub(crate) async fn an_unknown_conversation_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut elsewhere = scene.to_change(Change::Close).await;
    elsewhere.conversation_id = conversation_id(9);
    assert_eq!(store.change_state(&elsewhere).await.unwrap(), Changed::Conflict);
}

pub(crate) async fn of_two_changes_on_one_access_version_one_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let steps = [
        scene.to_change(Change::Block(Side::Client)).await,
        scene.to_change(Change::Close).await,
    ];
    let changed = at_once(2, |n| store.change_state(&steps[n])).await;
    assert!(changed.contains(&Changed::Conflict), "{changed:?}");
    let is_done = |it: &Changed| matches!(it, Changed::Done(entry) if entry.lane.is_none());
    assert!(changed.iter().any(is_done), "{changed:?}");
    assert_eq!(scene.conversation().await.access_version, 1);
}

pub(crate) async fn a_send_decided_before_a_block_is_a_conflict_after_it(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let decided = scene.to_send(Side::Client).await;
    scene.change(Change::Block(Side::Agent)).await;
    assert_eq!(scene.append(decided).await, Appended::Conflict);
    assert_eq!(scene.seqs(Direction::Newest, 10).await, (vec![], false));
}

pub(crate) async fn a_concurrent_send_and_block_are_serialised(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let message = scene.to_send(Side::Client).await;
    let block = scene.to_change(Change::Block(Side::Agent)).await;
    let outcomes = at_once(2, async |n: usize| {
        if n == 0 {
            let appended = store.append(&message).await?;
            Ok(matches!(appended, Appended::Stored(_)))
        } else {
            store.change_state(&block).await.map(|_| true)
        }
    })
    .await;
    let sent = u64::from(outcomes[0]);
    let conversation = scene.conversation().await;
    assert_eq!((conversation.last_seq, conversation.access_version), (sent, 1));
}

pub(crate) async fn a_blocked_or_closed_conversation_stays_readable(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.change(Change::Block(Side::Agent)).await;
    scene.change(Change::Close).await;
    assert_eq!(scene.seqs(Direction::Newest, 10).await, (vec![1], false));
    assert_eq!(scene.read(Side::Agent, &sent, at(9)).await.up_to_seq, 1);
}

pub(crate) async fn the_store_does_not_enforce_the_right_to_send(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.change(Change::Close).await;
    assert_eq!(
        scene.send(Side::Client).await.seq,
        1,
        "the access version is current"
    );
}

pub(crate) async fn a_reassignment_moves_the_conversation_to_the_new_users_list(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    scene.read(Side::Agent, &sent[0], at(9)).await;
    let counter = scene.counter(Side::Agent).await;
    scene.change(Change::Reassign(user_id("new"))).await;

    let (old, mut new) = (agent_scope(1), agent_scope(1));
    if let messaging_core::domain::scope::ListScope::Agent { user_id: owner, .. } = &mut new {
        *owner = user_id("new");
    }
    for (scope, expected, unread) in [(&old, vec![], 0), (&new, vec![scene.id], 2)] {
        let page = list(store, scope, messaging_core::store::ListStart::Newest, 10).await;
        assert_eq!(ids(&page), expected);
        assert_eq!(
            store.count_conversations(scope, 10).await.unwrap(),
            expected.len() as u64
        );
        assert_eq!(store.count_unread(scope).await.unwrap(), unread);
    }
    assert_eq!(
        scene.counter(Side::Agent).await,
        counter,
        "read positions stay with the side"
    );
}

pub(crate) async fn a_change_is_an_update_at_its_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut step = scene.to_change(Change::Close).await;
    step.now = at(7);
    store.change_state(&step).await.unwrap();
    let entries = scene.entries_from(2).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].entry.kind, entries[0].entry.at),
        (EntryKind::Updated, at(7))
    );
    assert_eq!(
        scene.conversation().await.activity_at,
        at(0),
        "a change is no activity"
    );
}

pub(crate) async fn the_entry_of_a_change_that_ends_access_names_its_user_until_it_is_a_dead_letter(
    store: &dyn Store,
) {
    let scene = Scene::set(store).await;
    for (change, lost_access) in [
        (Change::Block(Side::Client), None),
        (Change::Reassign(user_id("new")), Some(agent_user_id(1))),
        (Change::Close, None),
        (Change::Erase(Side::Client), Some(client_id(1))),
        (Change::Erase(Side::Agent), Some(user_id("new"))),
    ] {
        scene.change(change.clone()).await;
        let last = scene.entries().await.pop().unwrap();
        assert_eq!(last.lost_access, lost_access, "{change:?}");
    }
    let lane = claim(store, 1, at(0), 10).await.remove(0);
    let last = scene.entries().await.pop().unwrap().entry;
    store
        .dead_letter(worker_id(1), &lane, &last, "no", at(1))
        .await
        .unwrap();
    let step = Requeue::new(scene.id, last.number, at(2), Publisher::Anyone);
    store.requeue(&step).await.unwrap();
    assert_eq!(scene.entries().await.pop().unwrap().lost_access, None);
}

pub(crate) async fn the_worker_that_changes_owns_the_new_lane(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.drain().await;
    let mut step = scene.to_change(Change::Close).await;
    step.publisher = worker(1, at(30));
    let lane = done(store.change_state(&step).await.unwrap()).lane.unwrap();
    assert_eq!(
        (lane.conversation_id, lane.head, lane.lease_until),
        (scene.id, 2, at(30))
    );
    let extended = scene
        .to_send(Side::Client)
        .await
        .with_publisher(worker(1, at(40)));
    assert!(matches!(scene.append(extended).await, Appended::Stored(s) if s.entry.lane.is_none()));
}
