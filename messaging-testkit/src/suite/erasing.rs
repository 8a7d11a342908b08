use messaging_core::{
    domain::{
        body::Body,
        change::Change,
        erasure::erased_user,
        message::{Message, Origin},
        side::{Recipients, Side},
    },
    id::{ConversationId, UserId},
    store::{Appended, Changed, Direction, EntryKind, ListStart, Publisher, Store, Subject, Traces},
};

use super::support::{Scene, ids, list, stored};
use crate::limit::Rounds;
use crate::make::{agent_scope, at, client_id, client_scope, conversation_id, key, plan, user_id};
use crate::recount;

async fn messages(scene: &Scene<'_>) -> Vec<Message> {
    let page = scene.history(Direction::After(0), 100).await;
    page.rows.into_iter().map(|row| row.message).collect()
}

/// Returns the message as it is after the erasure of its sender.
pub(super) fn emptied(message: &Message, side: Side) -> Message {
    message
        .clone()
        .with_origin(Origin::user(side, erased_user(message.conversation_id, side)))
        .with_body(Body::from_stored(String::new()))
        .with_extras(None)
        .with_idempotency_key(None)
}

pub(crate) async fn an_erased_user_is_replaced_by_an_anonymous_id(store: &dyn Store) {
    for (n, side) in [(1, Side::Client), (2, Side::Agent)] {
        let scene = Scene::open(store, plan(n, n)).await;
        scene.send(Side::Client).await;
        scene.send(Side::Agent).await;
        let mut expected = scene.conversation().await;
        assert!(expected.apply(&Change::Erase(side)));
        assert_eq!(expected.user(side), &erased_user(scene.id, side));
        assert!(matches!(
            scene.change(Change::Erase(side)).await,
            Changed::Done(_)
        ));
        assert_eq!(scene.conversation().await, expected);
        assert_eq!(scene.change(Change::Erase(side)).await, Changed::AlreadySo);
        assert_eq!(
            scene.entries().await.last().unwrap().entry.kind,
            EntryKind::Updated
        );
        let scopes = [client_scope(n), agent_scope(n)];
        for (scope, owner) in scopes.iter().zip(Side::ALL) {
            let page = list(store, scope, ListStart::Newest, 10).await;
            assert_eq!(ids(&page).len(), usize::from(owner != side), "{side:?} {owner:?}");
        }
    }
}

pub(crate) async fn a_send_decided_before_the_erasure_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let decided = scene.to_send(Side::Client).await;
    scene.change(Change::Erase(Side::Client)).await;
    assert_eq!(scene.append(decided).await, Appended::Conflict);
}

pub(crate) async fn after_an_erasure_the_pair_can_open_another_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.change(Change::Erase(Side::Client)).await;
    let again = plan(1, 1).with_id(conversation_id(77));
    let opened = store.open(&again, Publisher::Anyone).await.unwrap();
    assert!(opened.created && opened.id == conversation_id(77));
}

pub(crate) async fn messages_of_an_erased_user_are_empty_and_others_are_unchanged(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut keyed = scene.to_send(Side::Client).await;
    keyed.message.idempotency_key = Some(key("k"));
    stored(scene.append(keyed).await);
    scene.send(Side::Agent).await;
    scene.send_from_system(Recipients::Both).await;
    let last = scene.send(Side::Client).await;
    scene.read(Side::Agent, &last, at(50)).await;
    let before = messages(&scene).await;
    let (counters, events) = (scene.conversation().await.counters, scene.entries().await.len());
    assert_eq!(
        store
            .erasure()
            .unwrap()
            .erase_messages(scene.id, &client_id(1))
            .await
            .unwrap(),
        2
    );
    let expected = [
        emptied(&before[0], Side::Client),
        before[1].clone(),
        before[2].clone(),
        emptied(&before[3], Side::Client),
    ];
    assert_eq!(messages(&scene).await, expected);
    assert_eq!(scene.conversation().await.counters, counters);
    assert_eq!(scene.entries().await.len(), events, "an erasure is no event");
    assert_eq!(scene.read_time(Side::Agent, 1).await, Some(at(50)));
    let by_key = store
        .find_sent(scene.id, Some(&client_id(1)), &key("k"))
        .await
        .unwrap();
    assert_eq!(by_key, None);
    assert_eq!(
        store
            .erasure()
            .unwrap()
            .erase_messages(scene.id, &client_id(1))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .erasure()
            .unwrap()
            .erase_messages(conversation_id(404), &client_id(1))
            .await
            .unwrap(),
        0
    );
}

pub(crate) async fn unpublished_messages_of_an_erased_user_are_empty_too(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    store
        .erasure()
        .unwrap()
        .erase_messages(scene.id, &client_id(1))
        .await
        .unwrap();
    let entries = scene.entries_from(2).await;
    let Subject::Message(row) = &entries[0].subject else {
        panic!("{entries:?}")
    };
    assert_eq!(row.message, emptied(&sent, Side::Client));
}

pub(crate) async fn an_erasure_causes_no_discrepancy(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for side in [Side::Client, Side::Agent, Side::Client] {
        scene.send(side).await;
    }
    for side in Side::ALL {
        let user = scene.conversation().await.user(side).clone();
        scene.change(Change::Erase(side)).await;
        store
            .erasure()
            .unwrap()
            .erase_messages(scene.id, &user)
            .await
            .unwrap();
    }
    recount(store).await.unwrap().assert_clean();
}

async fn traces(
    store: &dyn Store,
    of: &UserId,
    after: Option<ConversationId>,
    conversations: usize,
) -> Traces {
    store
        .erasure()
        .unwrap()
        .list_traces(of, after, conversations)
        .await
        .unwrap()
}

pub(crate) async fn traces_are_conversations_of_a_participant_or_sender(store: &dyn Store) {
    let as_client = plan(1, 1).with_client_id(user_id("traced-user"));
    let as_agent = plan(2, 2).with_agent_user_id(user_id("traced-user"));
    let before = plan(3, 3).with_agent_user_id(user_id("traced-user"));
    let (client, agent) = (
        Scene::open(store, as_client).await,
        Scene::open(store, as_agent).await,
    );
    let before = Scene::open(store, before).await;
    before.send(Side::Agent).await;
    before.change(Change::Reassign(user_id("another"))).await;
    let silent = plan(4, 4).with_agent_user_id(user_id("traced-user"));
    let silent = Scene::open(store, silent).await;
    silent.change(Change::Reassign(user_id("another"))).await;
    let found = traces(store, &user_id("traced-user"), None, 10).await;
    assert_eq!(found.conversations, [client.id, agent.id, before.id]);
    assert_eq!(found.looked_up_to, Some(silent.id));
    assert_eq!(
        traces(store, &user_id("Traced-user"), None, 10)
            .await
            .conversations,
        []
    );
}

pub(crate) async fn traces_are_listed_in_pages(store: &dyn Store) {
    for n in 1..=5 {
        Scene::open(store, plan(n % 2, n)).await;
    }
    let (mut found, mut after, mut pieces) = (Vec::new(), None, 0);
    let mut rounds = Rounds::at_most(10, "paging through the traces has not ended");
    loop {
        rounds.begin();
        let piece = traces(store, &client_id(1), after, 2).await;
        found.extend(piece.conversations);
        match piece.looked_up_to {
            Some(last) => after = Some(last),
            None => break,
        }
        pieces += 1;
    }
    assert_eq!((found.len(), pieces), (3, 3));
    assert_eq!(traces(store, &client_id(1), None, 0).await, Traces::default());
}
