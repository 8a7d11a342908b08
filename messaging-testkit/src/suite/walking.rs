use std::collections::BTreeSet;

use messaging_core::{
    domain::side::Side,
    id::ConversationId,
    store::{Append, Direction, ListStart, Store},
};

use super::support::{Scene, behind, ids, list};
use crate::limit::Rounds;
use crate::make::{at, client_scope, plan};
use crate::retry::retry;

pub(crate) async fn paging_backwards_visits_each_message_once_during_sends(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 10).await;
    let mut walked = Vec::new();
    let mut direction = Direction::Newest;
    let mut pages = Rounds::at_most(10, "paging backwards has not reached the beginning");
    loop {
        pages.begin();
        let (mut seqs, has_more) = scene.seqs(direction, 3).await;
        direction = Direction::Before(seqs[0]);
        seqs.append(&mut walked);
        walked = seqs;
        if !has_more {
            break;
        }
        scene.send_many(Side::Agent, 4).await;
    }
    assert_eq!(walked, (1..=10).collect::<Vec<_>>());
}

pub(crate) async fn paging_forwards_visits_each_message_once_during_sends(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 10).await;
    let mut walked = Vec::new();
    let mut has_more = true;
    let mut pages = Rounds::at_most(20, "paging forwards has not reached the newest message");
    while has_more {
        pages.begin();
        let after = Direction::After(walked.last().copied().unwrap_or(0));
        let (seqs, more) = scene.seqs(after, 3).await;
        walked.extend(seqs);
        has_more = more;
        if walked.len() < 15 {
            scene.send(Side::Agent).await;
        }
    }
    assert!(
        walked.len() >= 10,
        "paging returns at least the messages that existed at its start"
    );
    assert_eq!(walked, (1..=walked.len() as u64).collect::<Vec<_>>());
}

pub(crate) async fn paging_during_sends_sees_seqs_without_gaps(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.to_send(Side::Client).await;
    let sends = async {
        for n in 1..=40 {
            let mut step: Append = first.clone();
            step.message.id = scene.message_id(n);
            retry(|| store.append(&step)).await;
        }
    };
    let walk = async {
        let mut walked = Vec::new();
        let mut looks = Rounds::at_most(1_000_000, "paging has not returned all 40 messages");
        while walked.len() < 40 {
            looks.begin();
            let after = walked.last().copied().unwrap_or(0);
            walked.extend(scene.seqs(Direction::After(after), 7).await.0);
            assert_eq!(walked, (1..=walked.len() as u64).collect::<Vec<_>>());
            // A store that never yields would otherwise keep the sends from being polled.
            yield_once().await;
        }
    };
    futures_util::future::join(sends, walk).await;
}

pub(crate) async fn paging_a_list_visits_unmoved_conversations_once(store: &dyn Store) {
    let mut scenes = Vec::new();
    for agency in 1..=10 {
        let scene = Scene::open(store, plan(1, agency)).await;
        say_at(&scene, i64::try_from(agency).unwrap()).await;
        scenes.push(scene);
    }
    let scope = client_scope(1);
    let mut met: Vec<ConversationId> = Vec::new();
    let mut page = list(store, &scope, ListStart::Newest, 3).await;
    met.extend(ids(&page));
    // One conversation already listed moves to the top, one not yet listed moves ahead of the cursor, and one
    // is new.
    say_at(&scenes[9], 100).await;
    say_at(&scenes[4], 101).await;
    say_at(&Scene::open(store, plan(1, 11)).await, 102).await;
    let mut pages = Rounds::at_most(20, "paging through the list has not ended");
    while page.has_more {
        pages.begin();
        page = list(store, &scope, behind(&scope, &page), 3).await;
        met.extend(ids(&page));
    }

    let unmoved = scenes.iter().enumerate().filter(|(n, _)| *n != 4).rev();
    assert_eq!(met, unmoved.map(|(_, scene)| scene.id).collect::<Vec<_>>());
    let afterwards = ids(&list(store, &scope, ListStart::Newest, 3).await);
    assert!(
        afterwards.contains(&scenes[4].id),
        "a conversation missed by paging is on the next first page"
    );
}

pub(crate) async fn paging_continues_after_a_moved_conversation(store: &dyn Store) {
    let mut scenes = Vec::new();
    for agency in 1..=5 {
        let scene = Scene::open(store, plan(1, agency)).await;
        say_at(&scene, i64::try_from(agency).unwrap()).await;
        scenes.push(scene);
    }
    let scope = client_scope(1);
    let page = list(store, &scope, ListStart::Newest, 2).await;
    let next = behind(&scope, &page);
    say_at(&scenes[3], 100).await;
    let page = list(store, &scope, next, 2).await;
    assert_eq!(ids(&page), [scenes[2].id, scenes[1].id]);
}

pub(crate) async fn paging_at_equal_times_visits_each_conversation_once(store: &dyn Store) {
    let mut all = BTreeSet::new();
    for agency in 1..=7 {
        all.insert(Scene::open(store, plan(1, agency)).await.id);
    }
    let scope = client_scope(1);
    for size in 1..=7 {
        let mut page = list(store, &scope, ListStart::Newest, size).await;
        let mut met = ids(&page);
        let mut pages = Rounds::at_most(20, "paging through the list has not ended");
        while page.has_more {
            pages.begin();
            page = list(store, &scope, behind(&scope, &page), size).await;
            met.extend(ids(&page));
        }
        assert_eq!(
            met,
            all.iter().rev().copied().collect::<Vec<_>>(),
            "pages of {size}"
        );
    }
}

async fn say_at(scene: &Scene<'_>, second: i64) {
    let mut step = scene.to_send(Side::Client).await;
    step.message.now = at(second);
    scene.append(step).await;
}

async fn yield_once() {
    let mut waited = false;
    std::future::poll_fn(move |cx| {
        if std::mem::replace(&mut waited, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
