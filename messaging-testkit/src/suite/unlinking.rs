use futures_util::future::join;
use messaging_core::{
    domain::{change::Change, side::Side},
    id::BookingId,
    store::{Appended, ChangeState, Changed, EntryKind, Store},
};

use super::support::{Scene, at_once, done};
use crate::make::{at, booking, conversation_id, plan, worker};

/// The step that unlinks a booking, decided on the current conversation.
async fn step(scene: &Scene<'_>, id: &str) -> ChangeState {
    let mut step = scene.to_change(Change::Unlink(booking(id))).await;
    step.now = at(5);
    step
}

async fn unlink(scene: &Scene<'_>, id: &str) -> Changed {
    let step = step(scene, id).await;
    scene.store.change_state(&step).await.unwrap()
}

/// A conversation to which these bookings were linked, in this order.
async fn linked<'a>(store: &'a dyn Store, ids: &[&str]) -> Scene<'a> {
    let scene = Scene::set(store).await;
    for id in ids {
        scene.link(id).await;
    }
    scene
}

/// The bookings, newest link first; the summary shows the first.
async fn bookings(scene: &Scene<'_>) -> Vec<BookingId> {
    let listed = scene.store.list_bookings(scene.id).await.unwrap();
    assert_eq!(scene.summary().await.booking_id, listed.first().cloned());
    listed
}

pub(crate) async fn the_newest_remaining_link_is_shown(store: &dyn Store) {
    let scene = linked(store, &["a", "b", "c"]).await;
    for (id, left) in [("c", &["b", "a"][..]), ("a", &["b"]), ("b", &[])] {
        assert_eq!(done(unlink(&scene, id).await).lane, None);
        let left: Vec<_> = left.iter().map(|id| booking(*id)).collect();
        assert_eq!(bookings(&scene).await, left);
    }
}

pub(crate) async fn a_booking_linked_again_is_the_newest(store: &dyn Store) {
    let scene = linked(store, &["a", "b"]).await;
    unlink(&scene, "a").await;
    scene.link("a").await;
    assert_eq!(bookings(&scene).await, ["a", "b"].map(booking));
    unlink(&scene, "a").await;
    scene.link("c").await;
    assert_eq!(bookings(&scene).await, ["c", "b"].map(booking));
}

pub(crate) async fn unlinking_raises_the_access_version_and_is_an_update_at_its_time(store: &dyn Store) {
    let scene = linked(store, &["a", "b"]).await;
    let mut expected = scene.conversation().await;
    let entries = scene.entries().await.len();
    unlink(&scene, "a").await;
    expected.access_version += 1;
    assert_eq!(scene.conversation().await, expected, "unlinking is no activity");
    let entries = scene.entries_from(entries as u64 + 1).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0].entry;
    assert_eq!((entry.kind, entry.at), (EntryKind::Updated, at(5)));
}

pub(crate) async fn a_send_decided_before_an_unlinking_is_a_conflict(store: &dyn Store) {
    let scene = linked(store, &["a"]).await;
    let decided = scene.to_send(Side::Client).await;
    unlink(&scene, "a").await;
    assert_eq!(scene.append(decided).await, Appended::Conflict);
}

pub(crate) async fn unlinking_an_unlinked_booking_changes_nothing(store: &dyn Store) {
    let scene = linked(store, &["a"]).await;
    let other = Scene::open(store, plan(1, 2)).await;
    other.link("b").await;
    let before = (scene.summary().await, scene.entries().await);
    let mut elsewhere = step(&scene, "a").await;
    elsewhere.conversation_id = other.id;
    assert_eq!(
        other.conversation().await.access_version,
        elsewhere.access_version
    );
    for step in [step(&scene, "b").await, step(&scene, "A").await, elsewhere] {
        assert_eq!(store.change_state(&step).await.unwrap(), Changed::AlreadySo);
    }
    let mut nowhere = step(&scene, "a").await;
    nowhere.conversation_id = conversation_id(404);
    let mut stale = step(&scene, "a").await;
    stale.access_version -= 1;
    for step in [nowhere, stale] {
        assert_eq!(store.change_state(&step).await.unwrap(), Changed::Conflict);
    }
    assert_eq!((scene.summary().await, scene.entries().await), before);
    unlink(&scene, "a").await;
    assert_eq!(bookings(&other).await, [booking("b")]);
    assert_eq!(unlink(&scene, "a").await, Changed::AlreadySo, "once");
}

pub(crate) async fn the_worker_that_unlinks_owns_the_new_lane(store: &dyn Store) {
    let scene = linked(store, &["a"]).await;
    scene.drain().await;
    let mut by_worker = step(&scene, "a").await;
    by_worker.publisher = worker(1, at(30));
    let lane = done(store.change_state(&by_worker).await.unwrap()).lane.unwrap();
    assert_eq!(
        (lane.conversation_id, lane.head, lane.lease_until),
        (scene.id, 3, at(30))
    );
}

pub(crate) async fn of_concurrent_unlinkings_one_takes_effect(store: &dyn Store) {
    let scene = linked(store, &["a"]).await;
    let before = (
        scene.conversation().await.access_version,
        scene.entries().await.len(),
    );
    let step = step(&scene, "a").await;
    let unlinked = at_once(8, |_| store.change_state(&step)).await;
    let ended = unlinked
        .iter()
        .filter(|it| matches!(it, Changed::Done(entry) if entry.lane.is_none()));
    assert_eq!(ended.count(), 1, "{unlinked:?}");
    // The other steps were decided on the access version before it.
    let conflicts = unlinked.iter().filter(|it| **it == Changed::Conflict);
    assert_eq!(conflicts.count(), 7, "{unlinked:?}");
    let after = (
        scene.conversation().await.access_version,
        scene.entries().await.len(),
    );
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}

pub(crate) async fn concurrent_linking_and_unlinking_are_serialised(store: &dyn Store) {
    let scene = linked(store, &["a"]).await;
    let step = step(&scene, "a").await;
    let (unlinked, ()) = join(store.change_state(&step), scene.link("a")).await;
    assert_eq!(done(unlinked.unwrap()).lane, None);
    // The link existed before, or was created again.
    let left = bookings(&scene).await;
    let access_version = u32::try_from(2 + left.len()).unwrap();
    assert_eq!(
        scene.conversation().await.access_version,
        access_version,
        "{left:?}"
    );
}
