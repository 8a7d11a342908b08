use messaging_core::{
    domain::side::Side,
    store::{ListStart, Store},
};

use super::support::{Scene, behind, ids, list};
use crate::make::{at, client_scope, conversation_id, plan};

/// Conversations of `client-1` with activity at second 1, 2, 3 …, the newest first.
async fn with_conversations(store: &dyn Store, count: u64) -> Vec<Scene<'_>> {
    let mut scenes = Vec::new();
    for agency in 1..=count {
        let mut plan = plan(1, agency);
        // The ids are in reverse, so that they cannot determine the order.
        plan.id = conversation_id(1_000 - agency);
        plan.now = at(i64::try_from(agency).unwrap());
        scenes.insert(0, Scene::open(store, plan).await);
    }
    scenes
}

pub(crate) async fn the_newest_activity_comes_first(store: &dyn Store) {
    let scenes = with_conversations(store, 4).await;
    let page = list(store, &client_scope(1), ListStart::Newest, 10).await;
    assert_eq!(
        ids(&page),
        scenes.iter().map(|scene| scene.id).collect::<Vec<_>>()
    );
}

pub(crate) async fn a_message_moves_its_conversation_to_the_top(store: &dyn Store) {
    let scenes = with_conversations(store, 3).await;
    let mut step = scenes[2].to_send(Side::Agent).await;
    step.message.now = at(60);
    scenes[2].append(step).await;
    let page = list(store, &client_scope(1), ListStart::Newest, 10).await;
    assert_eq!(ids(&page), [2, 0, 1].map(|n: usize| scenes[n].id));
}

pub(crate) async fn reading_linking_and_changing_move_nothing(store: &dyn Store) {
    let scenes = with_conversations(store, 3).await;
    let sent = scenes[0].send(Side::Client).await;
    scenes[0].read(Side::Agent, &sent, at(60)).await;
    scenes[2].link("b").await;
    scenes[2]
        .change(messaging_core::domain::change::Change::Close)
        .await;
    let page = list(store, &client_scope(1), ListStart::Newest, 10).await;
    assert_eq!(ids(&page), [0, 1, 2].map(|n: usize| scenes[n].id));
}

pub(crate) async fn at_equal_times_the_larger_id_comes_first(store: &dyn Store) {
    for agency in [2, 4, 1, 3] {
        Scene::open(store, plan(1, agency)).await;
    }
    let page = list(store, &client_scope(1), ListStart::Newest, 10).await;
    assert_eq!(ids(&page), [4, 3, 2, 1].map(|agency| plan(1, agency).id));
}

pub(crate) async fn a_list_without_conversations_is_an_empty_page(store: &dyn Store) {
    with_conversations(store, 2).await;
    let page = list(store, &client_scope(2), ListStart::Newest, 10).await;
    assert_eq!((ids(&page), page.has_more), (vec![], false));
}

pub(crate) async fn a_full_page_of_all_conversations_has_no_more(store: &dyn Store) {
    with_conversations(store, 3).await;
    let scope = client_scope(1);
    for (size, rows, has_more) in [(2, 2, true), (3, 3, false), (4, 3, false)] {
        let page = list(store, &scope, ListStart::Newest, size).await;
        assert_eq!(
            (page.rows.len(), page.has_more),
            (rows, has_more),
            "pages of {size}"
        );
    }
}

pub(crate) async fn a_full_last_page_has_no_more(store: &dyn Store) {
    with_conversations(store, 6).await;
    let scope = client_scope(1);
    let first = list(store, &scope, ListStart::Newest, 3).await;
    let second = list(store, &scope, behind(&scope, &first), 3).await;
    assert_eq!(
        (first.has_more, second.rows.len(), second.has_more),
        (true, 3, false)
    );
    let third = list(store, &scope, behind(&scope, &second), 3).await;
    assert_eq!((ids(&third), third.has_more), (vec![], false));
}

pub(crate) async fn numbered_pages_equal_cursor_pages(store: &dyn Store) {
    with_conversations(store, 7).await;
    let scope = client_scope(1);
    let mut page = list(store, &scope, ListStart::Newest, 3).await;
    for skipped in [0, 3, 6] {
        assert_eq!(list(store, &scope, ListStart::Skip(skipped), 3).await, page);
        page = list(store, &scope, behind(&scope, &page), 3).await;
    }
}

pub(crate) async fn a_numbered_page_past_the_end_is_empty(store: &dyn Store) {
    with_conversations(store, 3).await;
    for skipped in [3, 4, 1_000_000] {
        let page = list(store, &client_scope(1), ListStart::Skip(skipped), 3).await;
        assert_eq!((ids(&page), page.has_more), (vec![], false));
    }
}

pub(crate) async fn a_full_last_numbered_page_has_no_more(store: &dyn Store) {
    with_conversations(store, 6).await;
    let page = list(store, &client_scope(1), ListStart::Skip(3), 3).await;
    assert_eq!((page.rows.len(), page.has_more), (3, false));
}

pub(crate) async fn a_row_equals_the_conversations_summary(store: &dyn Store) {
    let scenes = with_conversations(store, 2).await;
    scenes[0].link("a").await;
    scenes[0].link("b").await;
    scenes[0].send_many(Side::Agent, 2).await;
    let last = scenes[0].send(Side::Client).await;
    scenes[0].read(Side::Agent, &last, at(9)).await;
    let page = list(store, &client_scope(1), ListStart::Newest, 10).await;
    assert_eq!(page.rows.len(), 2);
    for row in page.rows {
        let summary = store.find_summary(row.conversation.id).await.unwrap().unwrap();
        assert_eq!(row, summary);
    }
}
