use messaging_core::{
    domain::{
        change::Change,
        conversation::Conversation,
        message::{IdempotencyKey, Origin},
        receipt::MessageRow,
        side::{Recipients, Side},
    },
    id::UserId,
    store::{Append, Appended, Direction, Store},
};

use super::support::{Scene, at_once, stored};
use crate::make::{at, body, client_id, conversation_id, key, plan, user_id};

pub(crate) async fn a_repeated_key_returns_its_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = stored(scene.append(keyed(&scene, Side::Client, "k").await).await).message;
    scene.send(Side::Agent).await;
    let before = (scene.summary().await, scene.entries().await);

    let again = keyed(&scene, Side::Client, "k").await;
    assert_eq!(duplicate(scene.append(again).await), MessageRow::unread(first));
    assert_eq!((scene.summary().await, scene.entries().await), before);
}

pub(crate) async fn a_repeated_key_with_another_text_returns_the_original(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = stored(scene.append(keyed(&scene, Side::Client, "k").await).await).message;
    let mut again = keyed(&scene, Side::Client, "k").await;
    again.message.body = body("another text");
    assert_eq!(duplicate(scene.append(again).await).message, first);
}

pub(crate) async fn a_repeated_key_is_a_duplicate_under_any_access_version(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = keyed(&scene, Side::Client, "k").await;
    let first = stored(scene.append(step.clone()).await).message;
    scene.change(Change::Block(Side::Agent)).await;
    scene.change(Change::Close).await;
    assert_eq!(duplicate(scene.append(step.clone()).await).message, first);
    let access_version = u32::MAX;
    assert_eq!(
        duplicate(scene.append(step.with_access_version(access_version)).await).message,
        first
    );
}

pub(crate) async fn a_duplicate_includes_its_read_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = keyed(&scene, Side::Client, "k").await;
    let first = stored(scene.append(step.clone()).await).message;
    scene.read(Side::Agent, &first, at(9)).await;
    let row = duplicate(scene.append(step).await);
    assert_eq!((row.read.agent, row.read.client), (Some(at(9)), None));
}

pub(crate) async fn concurrent_sends_with_one_key_are_one_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = keyed(&scene, Side::Client, "k").await;
    let steps: Vec<_> = (1..=8)
        .map(|n| {
            let mut step = step.clone();
            step.message.id = scene.message_id(n);
            step
        })
        .collect();
    let sent = at_once(steps.len(), |n| store.append(&steps[n])).await;

    let stored_ones = sent.iter().filter(|one| matches!(one, Appended::Stored(_)));
    assert_eq!(stored_ones.count(), 1, "{sent:?}");
    let ids = sent.into_iter().map(|one| match one {
        Appended::Stored(stored) => stored.message.id,
        Appended::Duplicate(row) => row.message.id,
        _other => panic!("the access version is current"),
    });
    let page = scene.history(Direction::Newest, 10).await;
    assert_eq!(page.rows.len(), 1);
    assert!(ids.into_iter().all(|id| id == page.rows[0].message.id));
    assert_eq!(scene.unread(Side::Agent).await, 1);
    assert_eq!(scene.entries().await.len(), 2, "the opening and one message");
}

pub(crate) async fn each_sender_has_keys_of_their_own(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for (n, side) in (1..).zip(Side::ALL) {
        let step = keyed(&scene, side, "k").await;
        assert_eq!(stored(scene.append(step).await).message.seq, n);
    }
    let mut step = keyed(&scene, Side::Client, "k").await;
    step.message.origin = Origin::system(Recipients::Both);
    assert_eq!(stored(scene.append(step.clone()).await).message.seq, 3);
    assert_eq!(duplicate(scene.append(step).await).message.seq, 3);
}

pub(crate) async fn the_next_user_of_an_agent_has_keys_of_their_own(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.append(keyed(&scene, Side::Agent, "k").await).await;
    scene.change(Change::Reassign(user_id("next"))).await;
    let step = keyed(&scene, Side::Agent, "k").await;
    assert_eq!(stored(scene.append(step).await).message.seq, 2);
}

pub(crate) async fn each_conversation_has_keys_of_its_own(store: &dyn Store) {
    for agency in [1, 2] {
        let scene = Scene::open(store, plan(1, agency)).await;
        let step = keyed(&scene, Side::Client, "k").await;
        assert_eq!(stored(scene.append(step).await).message.seq, 1);
    }
}

pub(crate) async fn keys_differ_by_every_character(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let longest = "k".repeat(64);
    for (n, text) in (1..).zip(["k", "K", "k%", "k_", "'", longest.as_str()]) {
        let step = keyed(&scene, Side::Client, text).await;
        let message = stored(scene.append(step).await).message;
        assert_eq!((message.seq, message.idempotency_key), (n, Some(key(text))));
    }
}

pub(crate) async fn messages_without_a_key_are_never_duplicates(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    assert!(sent.iter().all(|message| message.idempotency_key.is_none()));
    assert_eq!(scene.unread(Side::Agent).await, 3);
}

pub(crate) async fn a_conflicting_send_does_not_use_its_key(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = keyed(&scene, Side::Client, "k").await;
    let access_version = step.access_version + 1;
    assert_eq!(
        scene
            .append(step.clone().with_access_version(access_version))
            .await,
        Appended::Conflict
    );
    assert_eq!(find(&scene, Some(&client_id(1)), &key("k")).await, None);
    assert_eq!(stored(scene.append(step).await).message.seq, 1);
}

pub(crate) async fn a_message_is_found_by_sender_and_key(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = stored(scene.append(keyed(&scene, Side::Client, "k").await).await).message;
    scene.read(Side::Agent, &sent, at(7)).await;
    let Conversation {
        client_id,
        agent_user_id,
        ..
    } = scene.conversation().await;

    let row = find(&scene, Some(&client_id), &key("k")).await.unwrap();
    assert_eq!((row.message, row.read.agent), (sent, Some(at(7))));
    assert_eq!(find(&scene, Some(&client_id), &key("K")).await, None);
    assert_eq!(find(&scene, Some(&agent_user_id), &key("k")).await, None);
    assert_eq!(find(&scene, None, &key("k")).await, None);
    let elsewhere = Scene {
        id: conversation_id(9),
        ..scene
    };
    assert_eq!(find(&elsewhere, Some(&client_id), &key("k")).await, None);
}

pub(crate) async fn a_system_message_is_found_by_key_alone(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut step = keyed(&scene, Side::Client, "k").await;
    step.message.origin = Origin::system(Recipients::Side(Side::Agent));
    let sent = stored(scene.append(step).await).message;
    let row = find(&scene, None, &key("k")).await;
    assert_eq!(row, Some(MessageRow::unread(sent)));
    assert_eq!(find(&scene, Some(&client_id(1)), &key("k")).await, None);
}

async fn keyed(scene: &Scene<'_>, side: Side, text: &str) -> Append {
    let mut step = scene.to_send(side).await;
    step.message.idempotency_key = Some(key(text));
    step
}

async fn find(scene: &Scene<'_>, sender: Option<&UserId>, key: &IdempotencyKey) -> Option<MessageRow> {
    scene.store.find_sent(scene.id, sender, key).await.unwrap()
}

fn duplicate(appended: Appended) -> MessageRow {
    match appended {
        Appended::Duplicate(row) => row,
        other => panic!("expected a duplicate, not {other:?}"),
    }
}
