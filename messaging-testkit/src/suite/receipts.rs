use messaging_core::{
    domain::side::{PerSide, Recipients, Side},
    store::{Direction, Store},
};

use super::support::Scene;
use crate::make::at;

pub(crate) async fn a_message_has_the_time_of_the_first_receipt_that_covers_it(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 4).await;
    scene.read(Side::Agent, &sent[0], at(10)).await;
    scene.read(Side::Agent, &sent[2], at(20)).await;
    let page = scene.history(Direction::Newest, 10).await;
    let times: Vec<_> = page.rows.iter().map(|row| row.read.agent).collect();
    assert_eq!(times, [Some(at(10)), Some(at(20)), Some(at(20)), None]);
    assert!(page.rows.iter().all(|row| row.read.client.is_none()));
}

pub(crate) async fn a_read_time_never_changes(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.send(Side::Client).await;
    scene.read(Side::Agent, &first, at(10)).await;
    for n in 1..4 {
        let next = scene.send(Side::Client).await;
        scene.mark(Side::Agent, &first, at(20 * n)).await;
        scene.read(Side::Agent, &next, at(20 * n)).await;
        assert_eq!(scene.read_time(Side::Agent, 1).await, Some(at(10)));
    }
}

pub(crate) async fn no_receipt_covers_later_messages(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.send(Side::Client).await;
    scene.read(Side::Agent, &first, at(10)).await;
    scene.send(Side::Agent).await;
    scene.send(Side::Client).await;
    assert_eq!(scene.read_time(Side::Agent, 2).await, None);
    assert_eq!(scene.read_time(Side::Agent, 3).await, None);
}

pub(crate) async fn each_side_has_its_own_receipts(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let both = scene.send_from_system(Recipients::Both).await;
    scene.read(Side::Agent, &both, at(10)).await;
    scene.read(Side::Client, &both, at(20)).await;
    let row = &scene.history(Direction::Newest, 1).await.rows[0];
    let read = PerSide {
        client: Some(at(20)),
        agent: Some(at(10)),
    };
    assert_eq!(row.read, read);
}

pub(crate) async fn a_receipt_is_never_older_than_the_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 2).await;
    assert_eq!(scene.read(Side::Agent, &sent[0], at(-5)).await.read_at, at(2));
    assert_eq!(scene.read_time(Side::Agent, 1).await, Some(at(2)));
}

pub(crate) async fn a_receipt_is_never_older_than_the_one_before(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 2).await;
    scene.read(Side::Agent, &sent[0], at(50)).await;
    let receipt = scene.read(Side::Agent, &sent[1], at(10)).await;
    assert_eq!(receipt.read_at, at(50));
    let mark = scene.counter(Side::Agent).await.last_read.unwrap();
    assert_eq!((mark.up_to_seq, mark.at), (2, at(50)));
}

pub(crate) async fn reading_is_no_activity(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.read(Side::Agent, &sent, at(500)).await;
    assert_eq!(scene.conversation().await.activity_at, at(1));
    assert_eq!(scene.send(Side::Client).await.created_at, at(2));
}
