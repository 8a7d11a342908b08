use futures_util::future::join_all;
use messaging_core::{
    domain::{page::PageSize, scope::ListScope},
    store::{ConversationStore, Direction, HistoryScan, Publisher},
};
use sqlx::Connection;

use crate::support::sqlite::{Place, append, conversation, plan, stored, user};

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_complete_steps_during_writes() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    let scan = HistoryScan::new(conversation(1), Direction::Newest, PageSize::new(100).unwrap());
    let readers = (0..4).map(|_| {
        let (store, scan) = (store.clone(), scan.clone());
        tokio::spawn(async move {
            let mut last = 0;
            while last < 60 {
                let page = store.list_messages(&scan).await.unwrap().unwrap();
                let conversation = page.summary.conversation;
                let seqs: Vec<_> = page.rows.iter().map(|row| row.message.seq).collect();
                assert!(conversation.last_seq >= last);
                last = conversation.last_seq;
                assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
                assert_eq!(
                    page.summary.last_message.as_ref(),
                    page.rows.last().map(|row| &row.message)
                );
                assert_eq!(conversation.counters.agent.received, last);
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for id in 10..70 {
        stored(store.append(&append(1, id)).await.unwrap());
    }
    for reader in join_all(readers).await {
        reader.unwrap();
    }
}

#[tokio::test]
async fn readers_do_not_wait_for_writers() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    let mut other = place.connect().await;
    let mut tx = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("UPDATE conversation SET agent_received = 7")
        .execute(&mut *tx)
        .await
        .unwrap();
    let scope = ListScope::All(user("agent"));
    assert_eq!(store.count_unread(&scope).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(store.count_unread(&scope).await.unwrap(), 7);
}

#[tokio::test]
async fn a_cancelled_read_leaves_its_connection_usable() {
    let place = Place::new();
    let options = messaging_sqlx::SqliteOptions::default().with_readers(1);
    let store = place.open_with(&options).await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    let scan = HistoryScan::new(conversation(1), Direction::Newest, PageSize::HISTORY);
    for polls in 0..12 {
        let mut read = Box::pin(store.list_messages(&scan));
        for _ in 0..polls {
            if futures_util::poll!(&mut read).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(read);
        stored(store.append(&append(1, 10 + polls)).await.unwrap());
        let page = store.list_messages(&scan).await.unwrap().unwrap();
        assert_eq!(page.rows.len() as u128, polls + 1);
    }
}
