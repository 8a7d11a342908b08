use messaging_core::{
    domain::{
        change::Change,
        scope::ListScope,
        side::{Recipients, Side},
    },
    store::{ListStart, Store},
};

use super::support::{Scene, ids, list};
use crate::make::{
    admin_id, admin_scope, agency_id, agent_scope, agent_user_id, at, client_id, client_scope, plan, user_id,
};

/// Two clients with two agencies each, all at second 0.
async fn four(store: &dyn Store) -> [Scene<'_>; 4] {
    [
        Scene::open(store, plan(1, 1)).await,
        Scene::open(store, plan(1, 2)).await,
        Scene::open(store, plan(2, 1)).await,
        Scene::open(store, plan(2, 2)).await,
    ]
}

async fn check(store: &dyn Store, scope: &ListScope, expected: &[(u64, u64)]) {
    let page = list(store, scope, ListStart::Newest, 10).await;
    let expected: Vec<_> = expected
        .iter()
        .map(|(client, agency)| plan(*client, *agency).id)
        .collect();
    assert_eq!(ids(&page), expected, "{scope:?}");
    let count = store.count_conversations(scope, 100).await.unwrap();
    assert_eq!(count, expected.len() as u64, "{scope:?}");
}

pub(crate) async fn a_client_sees_their_own_conversations(store: &dyn Store) {
    four(store).await;
    check(store, &client_scope(1), &[(1, 2), (1, 1)]).await;
    check(store, &client_scope(3), &[]).await;
}

pub(crate) async fn an_agents_user_sees_the_agents_conversations(store: &dyn Store) {
    four(store).await;
    check(store, &agent_scope(1), &[(2, 1), (1, 1)]).await;
}

pub(crate) async fn an_agent_scope_needs_both_the_agent_and_the_user(store: &dyn Store) {
    four(store).await;
    let mixed = ListScope::Agent {
        agent_id: agency_id(1),
        user_id: agent_user_id(2),
    };
    check(store, &mixed, &[]).await;
    check(store, &ListScope::Client(agent_user_id(1)), &[]).await;
}

pub(crate) async fn an_admin_sees_all(store: &dyn Store) {
    four(store).await;
    check(store, &admin_scope(1), &[(2, 2), (2, 1), (1, 2), (1, 1)]).await;
}

pub(crate) async fn a_user_in_two_roles_has_two_lists(store: &dyn Store) {
    four(store).await;
    let as_client = plan(3, 2).with_client_id(agent_user_id(1));
    Scene::open(store, as_client).await;
    check(store, &ListScope::Client(agent_user_id(1)), &[(3, 2)]).await;
    check(store, &agent_scope(1), &[(2, 1), (1, 1)]).await;
}

pub(crate) async fn counting_stops_at_the_cap(store: &dyn Store) {
    four(store).await;
    for (cap, count) in [(1, 1), (3, 3), (4, 4), (5, 4), (1_000_000, 4)] {
        let counted = store.count_conversations(&admin_scope(1), cap).await.unwrap();
        assert_eq!(counted, count, "at most {cap}");
    }
}

pub(crate) async fn a_total_is_the_sum_of_the_scopes_unread_counts(store: &dyn Store) {
    let scenes = four(store).await;
    for (scene, (to_agent, to_client)) in scenes.iter().zip([(1, 2), (3, 4), (5, 6), (0, 7)]) {
        scene.send_many(Side::Client, to_agent).await;
        scene.send_many(Side::Agent, to_client).await;
    }
    for (scope, total) in [
        (client_scope(1), 6),
        (client_scope(2), 13),
        (agent_scope(1), 6),
        (agent_scope(2), 3),
        (client_scope(3), 0),
    ] {
        assert_eq!(store.count_unread(&scope).await.unwrap(), total, "{scope:?}");
    }
}

pub(crate) async fn a_total_follows_reading(store: &dyn Store) {
    let scenes = four(store).await;
    for scene in &scenes {
        let sent = scene.send_many(Side::Client, 3).await;
        scene.send_from_system(Recipients::Both).await;
        scene.read(Side::Agent, &sent[1], at(9)).await;
    }
    assert_eq!(store.count_unread(&agent_scope(1)).await.unwrap(), 4);
    assert_eq!(store.count_unread(&client_scope(1)).await.unwrap(), 2);
}

pub(crate) async fn an_admins_total_covers_conversations_they_take_part_in(store: &dyn Store) {
    for scene in four(store).await {
        scene.send_many(Side::Client, 2).await;
        scene.send_many(Side::Agent, 3).await;
    }
    let total = async |user_id| store.count_unread(&ListScope::All(user_id)).await.unwrap();
    assert_eq!(total(admin_id(1)).await, 0);
    assert_eq!(total(client_id(1)).await, 6);
    assert_eq!(total(agent_user_id(1)).await, 4);

    let as_client = plan(3, 2).with_client_id(agent_user_id(1));
    Scene::open(store, as_client).await.send(Side::Agent).await;
    assert_eq!(total(agent_user_id(1)).await, 5, "on either side");
}

pub(crate) async fn blocked_and_closed_conversations_still_count(store: &dyn Store) {
    let scenes = four(store).await;
    scenes[0].send(Side::Client).await;
    scenes[0].change(Change::Block(Side::Agent)).await;
    scenes[0].change(Change::Close).await;
    check(store, &agent_scope(1), &[(1, 1), (2, 1)]).await;
    assert_eq!(store.count_unread(&agent_scope(1)).await.unwrap(), 1);
}

pub(crate) async fn an_agents_conversations_are_listed_by_id(store: &dyn Store) {
    let mut expected = Vec::new();
    for client in [3, 1, 2, 4] {
        expected.push(Scene::open(store, plan(client, 1)).await.id);
        Scene::open(store, plan(client, 2)).await;
    }
    expected.sort_unstable();
    let of_one = async |after, limit| -> Vec<_> {
        let agent_id = agency_id(1);
        let listed = store.list_agent_conversations(&agent_id, after, limit);
        listed.await.unwrap().into_iter().map(|one| one.id).collect()
    };
    assert_eq!(of_one(None, 10).await, expected);
    assert_eq!(of_one(None, 3).await, expected[..3]);
    assert_eq!(of_one(Some(expected[1]), 10).await, expected[2..]);
    assert_eq!(of_one(Some(expected[3]), 10).await, []);
}

pub(crate) async fn an_agents_conversations_include_those_of_former_users(store: &dyn Store) {
    let scenes = four(store).await;
    scenes[0].send(Side::Client).await;
    scenes[0].change(Change::Reassign(user_id("new"))).await;
    let listed = store
        .list_agent_conversations(&agency_id(1), None, 10)
        .await
        .unwrap();
    assert_eq!(
        listed,
        [scenes[0].conversation().await, scenes[2].conversation().await]
    );
}
