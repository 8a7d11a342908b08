use messaging_core::{
    domain::{
        message::Message,
        receipt::Receipt,
        side::{Recipients, Side},
    },
    id::MessageId,
    store::{LoadedEntry, Store, Subject},
};

use super::support::{Scene, claim};
use crate::make::{at, booking, conversation_id, plan};

pub(crate) async fn entries_are_loaded_in_order_from_the_head(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 4).await;
    for (head, per_lane, expected) in [
        (1, 10, vec![1, 2, 3, 4, 5]),
        (3, 10, vec![3, 4, 5]),
        (2, 3, vec![2, 3, 4]),
        (5, 1, vec![5]),
        (6, 10, vec![]),
    ] {
        let loaded = store.load_entries(&[scene.lane(head)], per_lane).await.unwrap();
        let numbers: Vec<_> = loaded.iter().map(|one| one.entry.number).collect();
        assert_eq!(numbers, expected, "{per_lane} from {head} on");
        assert!(loaded.iter().all(|one| one.entry.conversation_id == scene.id));
    }
}

pub(crate) async fn several_lanes_are_loaded_each_from_its_own_head(store: &dyn Store) {
    let mut lanes = Vec::new();
    for (agency, head) in [(1, 3), (2, 1), (3, 2)] {
        let scene = Scene::open(store, plan(1, agency)).await;
        scene.send_many(Side::Agent, 3).await;
        lanes.push(scene.lane(head));
    }
    let loaded = store.load_entries(&lanes, 2).await.unwrap();
    for (lane, expected) in lanes.iter().zip([[3, 4], [1, 2], [2, 3]]) {
        let of_lane = loaded
            .iter()
            .filter(|one| one.entry.conversation_id == lane.conversation_id);
        let numbers: Vec<_> = of_lane.map(|one| one.entry.number).collect();
        assert_eq!(numbers, expected);
    }
    assert_eq!(loaded.len(), 6);
}

pub(crate) async fn missing_lanes_are_not_loaded(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let nowhere = Scene {
        id: conversation_id(9),
        ..scene
    };
    assert_eq!(store.load_entries(&[nowhere.lane(1)], 10).await.unwrap(), []);
    assert_eq!(store.load_entries(&[], 10).await.unwrap(), []);
}

pub(crate) async fn loading_changes_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let lanes = claim(store, 1, at(0), 10).await;
    let first = store.load_entries(&lanes, 10).await.unwrap();
    assert_eq!(store.load_entries(&lanes, 10).await.unwrap(), first);
    assert_eq!(scene.entries().await, first);
}

pub(crate) async fn an_entry_is_loaded_with_the_current_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    let now = scene.conversation().await;
    assert!(scene.entries().await.iter().all(|one| one.conversation == now));
}

pub(crate) async fn a_message_entry_is_loaded_with_its_read_times(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.read(Side::Agent, &sent, at(9)).await;
    match &scene.entries_from(2).await[0].subject {
        Subject::Message(row) => {
            assert_eq!((&row.message, row.read.agent), (&sent, Some(at(9))));
        }
        other => panic!("expected a message, not {other:?}"),
    }
}

pub(crate) async fn an_update_is_loaded_with_the_newest_booking(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let subjects = async || -> Vec<_> {
        let entries = scene.entries().await;
        entries.into_iter().map(|one| one.subject).collect()
    };
    let updated = |booking_id| Subject::Updated { booking_id };
    assert_eq!(subjects().await, [updated(None)]);
    scene.link("b").await;
    scene.link("a").await;
    let newest = updated(Some(booking("a")));
    assert_eq!(subjects().await, [newest.clone(), newest.clone(), newest]);
}

pub(crate) async fn a_receipt_is_loaded_with_the_messages_it_newly_covers(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 5).await;
    let first = scene.read(Side::Agent, &sent[1], at(9)).await;
    let second = scene.read(Side::Agent, &sent[4], at(10)).await;
    let reads = reads(&scene).await;
    assert_eq!(reads, [(first, ids(&sent[..2])), (second, ids(&sent[2..]))]);
}

pub(crate) async fn a_receipt_lists_neither_own_nor_system_messages(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let theirs = scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    scene.send_from_system(Recipients::Both).await;
    let last = scene.send(Side::Client).await;
    scene.send_from_system(Recipients::Side(Side::Agent)).await;
    let own = scene.send(Side::Agent).await;
    let receipt = scene.read(Side::Agent, &own, at(9)).await;
    assert_eq!(reads(&scene).await, [(receipt, ids(&[theirs, last]))]);
}

pub(crate) async fn a_receipt_of_system_messages_alone_lists_none(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_from_system(Recipients::Both).await;
    let receipt = scene.read(Side::Agent, &sent, at(9)).await;
    assert_eq!(reads(&scene).await, [(receipt, vec![])]);
}

pub(crate) async fn a_receipt_is_independent_of_the_other_sides_receipts(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let to_agent = scene.send(Side::Client).await;
    let to_client = scene.send(Side::Agent).await;
    let clients = scene.read(Side::Client, &to_client, at(9)).await;
    let agents = scene.read(Side::Agent, &to_client, at(9)).await;
    assert_eq!(
        reads(&scene).await,
        [(clients, ids(&[to_client])), (agents, ids(&[to_agent]))]
    );
}

pub(crate) async fn a_receipt_lists_the_newest_hundred(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, Subject::MAX_READ_IDS + 2).await;
    let receipt = scene.read(Side::Agent, sent.last().unwrap(), at(999)).await;
    assert_eq!(reads(&scene).await, [(receipt, ids(&sent[2..]))]);
}

/// Returns the receipts in a conversation's entries.
async fn reads(scene: &Scene<'_>) -> Vec<(Receipt, Vec<MessageId>)> {
    let read = |loaded: LoadedEntry| match loaded.subject {
        Subject::Read { receipt, message_ids } => Some((receipt, message_ids)),
        _ => None,
    };
    scene.entries().await.into_iter().filter_map(read).collect()
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}
