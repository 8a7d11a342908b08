use messaging_core::{
    domain::side::Side,
    domain::{change::Change, conversation::Conversation},
    store::{Appended, ConversationKey, EntryKind, Publisher, Store},
};

use super::support::{Scene, at_once};
use crate::make::{
    agency_id, agent_user_id, at, booking, client_id, conversation_id, plan, secs, user_id, worker, worker_id,
};

pub(crate) async fn the_first_open_creates_and_the_second_finds(store: &dyn Store) {
    let first = store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
    assert!(first.created && first.id == plan(1, 1).id);

    let again = plan(1, 1).with_id(conversation_id(7)).with_now(at(9));
    let second = store.open(&again, Publisher::Anyone).await.unwrap();
    assert!(!second.created && second.id == first.id);
    assert_eq!(
        store.find_conversation(conversation_id(7).into()).await.unwrap(),
        None
    );
}

pub(crate) async fn a_new_conversation_equals_its_prepared_opening(store: &dyn Store) {
    let scene = Scene::set(store).await;
    assert_eq!(scene.conversation().await, Conversation::new(&plan(1, 1)));
    let summary = scene.summary().await;
    assert_eq!(summary.conversation, scene.conversation().await);
    assert_eq!((summary.booking_id, summary.last_message), (None, None));
}

pub(crate) async fn opening_again_changes_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let before = (scene.summary().await, scene.entries().await.len());
    let again = plan(1, 1).with_agent_user_id(agent_user_id(9)).with_now(at(9));
    Scene::open(store, again).await;
    assert_eq!((scene.summary().await, scene.entries().await.len()), before);
}

pub(crate) async fn opening_again_after_a_reassignment_keeps_the_new_user(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.change(Change::Reassign(user_id("new"))).await;
    Scene::set(store).await;
    assert_eq!(scene.conversation().await.agent_user_id, user_id("new"));
}

pub(crate) async fn each_pair_has_its_own_conversation(store: &dyn Store) {
    let ids = [(1, 1), (1, 2), (2, 1), (2, 2)].map(|(client, agency)| plan(client, agency));
    for plan in &ids {
        let opened = store.open(plan, Publisher::Anyone).await.unwrap();
        assert!(opened.created && opened.id == plan.id);
    }
}

pub(crate) async fn concurrent_openings_of_a_pair_return_one_conversation(store: &dyn Store) {
    let plans: Vec<_> = (0..8)
        .map(|n| {
            plan(1, 1)
                .with_id(conversation_id(n))
                .with_booking_id((n % 2 == 0).then(|| booking(format!("b{n}"))))
        })
        .collect();
    let opened = at_once(plans.len(), |n| store.open(&plans[n], Publisher::Anyone)).await;

    assert!(opened.iter().all(|one| one.id == opened[0].id), "{opened:?}");
    assert_eq!(opened.iter().filter(|one| one.created).count(), 1, "{opened:?}");
    let bookings = store.list_bookings(opened[0].id).await.unwrap();
    assert_eq!(bookings.len(), 4, "{bookings:?}");
}

pub(crate) async fn bookings_are_listed_with_the_newest_link_first(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for id in ["b", "c", "a"] {
        scene.link(id).await;
    }
    let listed = store.list_bookings(scene.id).await.unwrap();
    assert_eq!(listed, ["a", "c", "b"].map(booking));
    assert_eq!(scene.summary().await.booking_id, Some(booking("a")));
}

pub(crate) async fn linking_again_keeps_the_order_of_links(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for id in ["a", "b", "a"] {
        scene.link(id).await;
    }
    let listed = store.list_bookings(scene.id).await.unwrap();
    assert_eq!(listed, ["b", "a"].map(booking));
    assert_eq!(scene.summary().await.booking_id, Some(booking("b")));
    assert_eq!(
        scene.entries().await.len(),
        3,
        "the second link of `a` is no event"
    );
}

pub(crate) async fn one_booking_can_be_linked_in_two_conversations(store: &dyn Store) {
    for agency in [1, 2] {
        let scene = Scene::open(store, plan(1, agency)).await;
        let linked = plan(1, agency).with_booking_id(Some(booking("shared")));
        Scene::open(store, linked).await;
        assert_eq!(store.list_bookings(scene.id).await.unwrap(), [booking("shared")]);
    }
}

pub(crate) async fn a_link_is_no_activity_and_raises_the_access_version_once(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut expected = scene.conversation().await;
    for id in ["a", "b", "a"] {
        scene.link(id).await;
    }
    expected.access_version += 2;
    assert_eq!(scene.conversation().await, expected);
    let with_booking = plan(1, 2).with_booking_id(Some(booking("a")));
    let opened_with_it = Scene::open(store, with_booking).await;
    assert_eq!(opened_with_it.conversation().await.access_version, 0);
}

pub(crate) async fn a_send_decided_before_a_link_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let decided = scene.to_send(Side::Client).await;
    scene.link("b").await;
    assert_eq!(scene.append(decided).await, Appended::Conflict);
}

pub(crate) async fn a_conversation_opened_with_its_booking_is_one_event(store: &dyn Store) {
    let with_booking = plan(1, 1).with_booking_id(Some(booking("b")));
    let scene = Scene::open(store, with_booking).await;
    assert_eq!(store.list_bookings(scene.id).await.unwrap(), [booking("b")]);
    assert_eq!(scene.entries().await.len(), 1);
}

pub(crate) async fn opening_and_linking_are_updates_at_their_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let linked = plan(1, 1).with_booking_id(Some(booking("b"))).with_now(at(5));
    Scene::open(store, linked).await;
    let entries = scene.entries().await;
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.entry.number, e.entry.kind, e.entry.at))
        .collect();
    assert_eq!(
        seen,
        [(1, EntryKind::Updated, at(0)), (2, EntryKind::Updated, at(5))]
    );
}

pub(crate) async fn the_worker_that_opens_owns_the_new_lane(store: &dyn Store) {
    let lane = store
        .open(&plan(1, 1), worker(1, at(30)))
        .await
        .unwrap()
        .entry
        .unwrap()
        .lane
        .unwrap();
    let scene = Scene::set(store).await;
    assert_eq!(lane.lease_until, at(30));
    assert_eq!(
        (lane.conversation_id, lane.head, lane.tries, lane.refusals),
        (scene.id, 1, 0, 0)
    );
    let again = store.open(&plan(1, 1), worker(1, at(60))).await.unwrap();
    assert_eq!(again.entry, None, "a step without effect has nothing to publish");
    let ended = store
        .acknowledge(worker_id(1), at(0) + secs(60), &[scene.published(at(30), 1)])
        .await
        .unwrap();
    assert_eq!(ended, []);
}

pub(crate) async fn an_unknown_pair_has_no_conversation(store: &dyn Store) {
    let nowhere = conversation_id(1);
    assert_eq!(store.find_conversation(nowhere.into()).await.unwrap(), None);
    assert_eq!(store.find_summary(nowhere).await.unwrap(), None);
    assert_eq!(store.list_bookings(nowhere).await.unwrap(), []);
}

pub(crate) async fn a_conversation_is_found_by_its_pair_and_by_its_booking(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let other = Scene::open(store, plan(1, 2)).await;
    scene.link("a").await;
    other.link("b").await;
    for scene in [&scene, &other] {
        let found = scene.conversation().await;
        let pair = ConversationKey::Pair {
            client_id: found.client_id.clone(),
            agent_id: found.agent_id.clone(),
        };
        assert_eq!(store.find_conversation(pair).await.unwrap(), Some(found));
    }
    let by_booking = async |id: &str| {
        let key = ConversationKey::Booking(booking(id));
        store.find_conversation(key).await.unwrap()
    };
    assert_eq!(by_booking("a").await, Some(scene.conversation().await));
    assert_eq!(by_booking("b").await, Some(other.conversation().await));
    assert_eq!(by_booking("A").await, None);
    let strangers = ConversationKey::Pair {
        client_id: client_id(9),
        agent_id: agency_id(1),
    };
    assert_eq!(store.find_conversation(strangers).await.unwrap(), None);
    // The key by which opening the same pair looks.
    scene.change(Change::Erase(Side::Client)).await;
    let pair = ConversationKey::Pair {
        client_id: client_id(1),
        agent_id: agency_id(1),
    };
    assert_eq!(
        store.find_conversation(pair).await.unwrap(),
        None,
        "the pair has no conversation"
    );
    scene.change(Change::Unlink(booking("a"))).await;
    assert_eq!(by_booking("a").await, None);
}

pub(crate) async fn a_booking_linked_to_several_conversations_finds_the_newest_link(store: &dyn Store) {
    let scenes = [
        Scene::open(store, plan(1, 1)).await,
        Scene::open(store, plan(1, 2)).await,
        Scene::open(store, plan(1, 3)).await,
    ];
    let found = async || {
        let key = ConversationKey::Booking(booking("shared"));
        store.find_conversation(key).await.unwrap()
    };
    // Other bookings, so that no order of a conversation's own links is that of this booking's.
    for id in ["a", "b", "c"] {
        scenes[2].link(id).await;
    }
    for nth in [2, 0, 1, 0] {
        scenes[nth].link("shared").await;
    }
    assert_eq!(found().await, Some(scenes[1].conversation().await));
    scenes[1].change(Change::Unlink(booking("shared"))).await;
    assert_eq!(found().await, Some(scenes[0].conversation().await));
    scenes[0].change(Change::Unlink(booking("shared"))).await;
    scenes[0].link("shared").await;
    assert_eq!(found().await, Some(scenes[0].conversation().await), "a new link");
    scenes[0].change(Change::Unlink(booking("shared"))).await;
    assert_eq!(found().await, Some(scenes[2].conversation().await));
}

pub(crate) async fn the_newest_bookings_of_several_conversations_are_listed(store: &dyn Store) {
    let scenes = [
        Scene::open(store, plan(1, 1)).await,
        Scene::open(store, plan(1, 2)).await,
        Scene::open(store, plan(1, 3)).await,
    ];
    for id in ["a", "b", "c"] {
        scenes[0].link(id).await;
    }
    scenes[2].link("d").await;
    let of = [scenes[2].id, conversation_id(404), scenes[0].id, scenes[1].id];
    let listed = store.list_newest_bookings(&of, 2).await.unwrap();
    let expected = [(of[0], "d"), (of[2], "c"), (of[2], "b")];
    assert_eq!(listed, expected.map(|(id, name)| (id, booking(name))));
    assert_eq!(store.list_newest_bookings(&of, 0).await.unwrap(), []);
    assert_eq!(store.list_newest_bookings(&[], 2).await.unwrap(), []);
}
