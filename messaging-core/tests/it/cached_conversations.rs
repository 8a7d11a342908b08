//! A process decides nothing on a cached conversation alone: another process may have changed it since.

use messaging_core::{
    ErrorKind,
    clock::{ManualClock, SystemIds},
    memory::MemoryStore,
};

use crate::support::{People, World, ada, carl, kind, message};

/// Two processes that share a store.
fn two() -> (World, World) {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let process = || {
        World::on(store.clone(), clock.clone(), People, |builder| {
            builder.ids(SystemIds)
        })
    };
    (process(), process())
}

#[tokio::test]
async fn a_block_or_unblock_by_another_process_applies_to_the_next_message() {
    let (here, elsewhere) = two();
    let id = here.open().await;
    here.send(&carl(), id, "one").await;
    elsewhere.messaging.block(&ada(), id).await.unwrap();
    let refused = here
        .messaging
        .send_message(&carl(), &message(id, "two", None))
        .await;
    assert_eq!(kind(refused), ErrorKind::Blocked);
    elsewhere.messaging.unblock(&ada(), id).await.unwrap();
    let sent = here.send(&carl(), id, "three").await;
    assert_eq!(sent.message.row.message.seq, 2);
}

#[tokio::test]
async fn a_retry_after_a_block_by_another_process_returns_the_original() {
    let (here, elsewhere) = two();
    let id = here.open().await;
    let first = message(id, "one", Some("k"));
    let sent = here.messaging.send_message(&carl(), &first).await.unwrap();
    elsewhere.messaging.block(&ada(), id).await.unwrap();
    let again = here.messaging.send_message(&carl(), &first).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.message.row.message, sent.message.row.message);
    let other = here
        .messaging
        .send_message(&carl(), &message(id, "two", Some("k")))
        .await;
    assert_eq!(kind(other), ErrorKind::IdempotencyConflict);
}

#[tokio::test]
async fn a_user_replaced_by_another_process_cannot_send() {
    let (here, elsewhere) = two();
    let id = here.open().await;
    here.send(&ada(), id, "one").await;
    let alpine = crate::support::agent("alpine");
    let new = crate::support::user("new");
    elsewhere
        .messaging
        .operations()
        .reassign_agent(&alpine, &new)
        .await
        .unwrap();
    let refused = here
        .messaging
        .send_message(&ada(), &message(id, "two", None))
        .await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
}
