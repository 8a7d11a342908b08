use messaging_core::{
    domain::side::Side,
    store::{Direction, HistoryScan, Store},
};

use super::support::Scene;
use crate::make::{at, conversation_id, limit, plan};

/// A conversation with messages 1 to `count`.
async fn with_messages(store: &dyn Store, count: usize) -> Scene<'_> {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, count).await;
    scene
}

async fn check(store: &dyn Store, direction: Direction, size: usize, seqs: &[u64], has_more: bool) {
    let scene = with_messages(store, 5).await;
    assert_eq!(scene.seqs(direction, size).await, (seqs.to_vec(), has_more));
}

pub(crate) async fn the_newest_come_oldest_first(store: &dyn Store) {
    check(store, Direction::Newest, 3, &[3, 4, 5], true).await;
}

pub(crate) async fn a_page_before_a_message_has_the_nearest_earlier_ones(store: &dyn Store) {
    check(store, Direction::Before(5), 3, &[2, 3, 4], true).await;
}

pub(crate) async fn a_page_after_a_message_has_the_nearest_later_ones(store: &dyn Store) {
    check(store, Direction::After(1), 3, &[2, 3, 4], true).await;
}

pub(crate) async fn a_full_page_of_all_messages_has_no_more(store: &dyn Store) {
    check(store, Direction::Newest, 5, &[1, 2, 3, 4, 5], false).await;
}

pub(crate) async fn a_full_page_before_that_reaches_the_first_has_no_more(store: &dyn Store) {
    check(store, Direction::Before(4), 3, &[1, 2, 3], false).await;
}

pub(crate) async fn a_full_page_after_that_reaches_the_last_has_no_more(store: &dyn Store) {
    check(store, Direction::After(2), 3, &[3, 4, 5], false).await;
}

pub(crate) async fn a_page_with_room_to_spare_has_no_more(store: &dyn Store) {
    check(store, Direction::Newest, 100, &[1, 2, 3, 4, 5], false).await;
}

pub(crate) async fn a_single_further_message_is_more(store: &dyn Store) {
    check(store, Direction::After(0), 4, &[1, 2, 3, 4], true).await;
}

pub(crate) async fn a_page_before_the_first_message_is_empty(store: &dyn Store) {
    check(store, Direction::Before(1), 3, &[], false).await;
}

pub(crate) async fn a_page_before_the_beginning_is_empty(store: &dyn Store) {
    check(store, Direction::Before(0), 3, &[], false).await;
}

pub(crate) async fn a_page_after_the_beginning_starts_with_the_first_message(store: &dyn Store) {
    check(store, Direction::After(0), 2, &[1, 2], true).await;
}

pub(crate) async fn a_page_after_the_last_message_is_empty(store: &dyn Store) {
    check(store, Direction::After(5), 3, &[], false).await;
}

pub(crate) async fn a_page_after_a_seq_beyond_the_end_is_empty(store: &dyn Store) {
    check(store, Direction::After(9), 3, &[], false).await;
}

pub(crate) async fn a_page_before_a_seq_beyond_the_end_has_the_newest(store: &dyn Store) {
    check(store, Direction::Before(9), 3, &[3, 4, 5], true).await;
}

pub(crate) async fn a_page_before_the_largest_seq_has_the_newest(store: &dyn Store) {
    check(store, Direction::Before(u64::MAX), 3, &[3, 4, 5], true).await;
}

pub(crate) async fn a_page_after_the_largest_seq_is_empty(store: &dyn Store) {
    check(store, Direction::After(u64::MAX), 3, &[], false).await;
}

pub(crate) async fn a_conversation_without_messages_has_empty_pages(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for direction in [
        Direction::Newest,
        Direction::Before(1),
        Direction::After(0),
        Direction::After(1),
    ] {
        assert_eq!(scene.seqs(direction, 1).await, (vec![], false), "{direction:?}");
    }
}

pub(crate) async fn an_unknown_conversation_has_no_history(store: &dyn Store) {
    with_messages(store, 1).await;
    let scan = HistoryScan::new(conversation_id(9), Direction::Newest, limit(1));
    assert_eq!(store.list_messages(&scan).await.unwrap(), None);
}

pub(crate) async fn a_page_includes_the_current_conversation(store: &dyn Store) {
    let scene = with_messages(store, 3).await;
    let last = scene.send(Side::Agent).await;
    scene.read(Side::Client, &last, at(9)).await;
    scene.link("b").await;
    for direction in [Direction::Newest, Direction::Before(2), Direction::After(9)] {
        let page = scene.history(direction, 2).await;
        assert_eq!(page.summary, scene.summary().await);
    }
}

pub(crate) async fn the_largest_page_is_exact_at_its_end(store: &dyn Store) {
    let scene = with_messages(store, 100).await;
    let all: Vec<u64> = (1..=100).collect();
    for direction in [Direction::Newest, Direction::Before(101), Direction::After(0)] {
        assert_eq!(scene.seqs(direction, 100).await, (all.clone(), false));
    }
    scene.send(Side::Client).await;
    assert_eq!(scene.seqs(Direction::After(0), 100).await, (all, true));
    let newest: Vec<u64> = (2..=101).collect();
    assert_eq!(scene.seqs(Direction::Newest, 100).await, (newest, true));
}

pub(crate) async fn a_history_excludes_other_conversations(store: &dyn Store) {
    let scene = with_messages(store, 2).await;
    let other = Scene::open(store, plan(2, 1)).await;
    other.send_many(Side::Agent, 3).await;
    let page = scene.history(Direction::Newest, 100).await;
    assert_eq!(page.rows.len(), 2);
    assert!(
        page.rows
            .iter()
            .all(|row| row.message.conversation_id == scene.id)
    );
}
