use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use messaging_core::{
    ErrorKind, Messaging,
    memory::MemoryStore,
    participant::{HistoryFrom, MarkOnRead},
    store::StoreErrorKind,
    verify::ConversationRange,
};
use messaging_testkit::fake::{Effect, FailingStore};

use crate::support::*;

#[tokio::test]
async fn use_cases_cause_no_discrepancy() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, "one").await;
    world.send(&ada(), id, "two").await;
    history(&world, &carl(), HistoryFrom::Newest, MarkOnRead::Yes).await;
    let found: Vec<_> = world
        .messaging
        .operations()
        .verify(ConversationRange::all())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_store_failure_ends_the_verification() {
    let store = FailingStore::new(MemoryStore::new());
    let (messaging, _workers) = Messaging::builder(store.clone(), People).build().unwrap();
    let kind = StoreErrorKind::Unavailable {
        retry_after: Duration::from_secs(3),
    };
    store.fail(1, kind, Effect::None);
    let mut found = messaging.operations().verify(ConversationRange::all());
    let error = found.next().await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unavailable { .. }), "{error:?}");
    assert!(found.next().await.is_none());
}
