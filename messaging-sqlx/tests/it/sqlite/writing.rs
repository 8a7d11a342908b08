use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use messaging_core::{
    Messaging,
    clock::{ManualClock, SequentialIds},
    store::{Appended, AuditStore, ConversationStore, OutboxStore, Publisher, StoreError, StoreErrorKind},
};
use messaging_sqlx::SqliteOptions;
use messaging_testkit::fake::FakeDirectory;
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};

use crate::support::sqlite::{Place, append, at, conversation, message, plan, stored};

async fn lock(connection: &mut SqliteConnection) -> Transaction<'_, Sqlite> {
    connection.begin_with("BEGIN IMMEDIATE").await.unwrap()
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Unavailable { retry_after } if !retry_after.is_zero())
}

#[tokio::test]
async fn a_step_completes_after_its_caller_is_cancelled() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    let mut other = place.connect().await;
    let lock = lock(&mut other).await;
    assert!(store.append(&append(1, 10)).now_or_never().is_none());
    assert!(store.append(&append(1, 11)).now_or_never().is_none());
    lock.rollback().await.unwrap();

    let next = stored(store.append(&append(1, 12)).await.unwrap());
    assert_eq!(next.message.seq, 3);
    let seen = store.append(&append(1, 10)).await.unwrap();
    assert!(matches!(seen, Appended::Duplicate(row) if row.message.id == message(10)));
}

#[tokio::test]
async fn a_full_queue_refuses_and_changes_nothing() {
    let place = Place::new();
    let store = place.open_with(&SqliteOptions::default().with_queue(2)).await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    let mut other = place.connect().await;
    let lock = lock(&mut other).await;
    let steps: Vec<_> = (10..16).map(|id| append(1, id)).collect();
    let waiting = join_all(steps.iter().map(|step| store.append(step)));
    let (answers, ()) = tokio::join!(waiting, async { lock.rollback().await.unwrap() });

    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (2, 4));
    assert!(
        refused
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(is_unavailable)
    );
    let found = store.find_conversation(conversation(1).into()).await.unwrap();
    assert_eq!(found.map(|found| found.last_seq), Some(2));
    stored(store.append(&append(1, 15)).await.unwrap());
}

#[tokio::test]
async fn a_locked_file_is_unavailable_until_it_is_unlocked() {
    let place = Place::new();
    let options = SqliteOptions::default().with_busy_timeout(Duration::from_millis(1));
    let store = place.open_with(&options).await;
    let mut other = place.connect().await;
    let lock = lock(&mut other).await;
    let error = store.open(&plan(1), Publisher::Anyone).await.unwrap_err();
    assert!(is_unavailable(&error), "{error:?}");
    assert_eq!(
        store.find_conversation(conversation(1).into()).await.unwrap(),
        None
    );
    lock.rollback().await.unwrap();
    assert!(store.open(&plan(1), Publisher::Anyone).await.unwrap().created);
}

#[tokio::test]
async fn a_failed_step_is_rolled_back() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    stored(store.append(&append(1, 10)).await.unwrap());
    let before = (
        store.find_summary(conversation(1)).await.unwrap(),
        store.backlog().await.unwrap(),
    );

    // An id that is not new is a defect of the id source.
    let mut again = append(1, 10);
    again.message.idempotency_key = None;
    let error = store.append(&again).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    let mut twin = plan(2);
    twin.id = conversation(1);
    let error = store.open(&twin, Publisher::Anyone).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);

    let after = (
        store.find_summary(conversation(1)).await.unwrap(),
        store.backlog().await.unwrap(),
    );
    assert_eq!(after, before);
    let next = stored(store.append(&append(1, 11)).await.unwrap());
    assert_eq!(next.message.seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_write_to_one_file_without_losing_anything() {
    let place = Place::new();
    let stores = [place.open().await, place.open().await];
    stores[0].open(&plan(1), Publisher::Anyone).await.unwrap();
    let writing = (10..50).map(|id| {
        let store = stores[usize::from(id % 2 == 0)].clone();
        tokio::spawn(async move { stored(store.append(&append(1, id)).await.unwrap()).message.seq })
    });
    let mut seqs: Vec<_> = join_all(writing).await.into_iter().map(Result::unwrap).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
    assert_eq!(stores[1].list_accesses(None, 1).await.unwrap(), []);
}

#[tokio::test]
async fn a_file_locked_by_another_process_keeps_the_server_ready() {
    let place = Place::new();
    let options = SqliteOptions::default().with_busy_timeout(Duration::from_millis(1));
    let store = place.open_with(&options).await;
    let (messaging, _workers) = Messaging::builder(store.clone(), FakeDirectory::new())
        .clock(ManualClock::new())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    let mut other = place.connect().await;
    let lock = lock(&mut other).await;
    assert!(is_unavailable(&store.probe_writes(at(1)).await.unwrap_err()));
    assert!(messaging.operations().health().await.unwrap().takes_writes);
    lock.rollback().await.unwrap();
}
