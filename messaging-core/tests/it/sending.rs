//! Sending: each message is decided on the current state and stored once.

use std::sync::Mutex;

use async_trait::async_trait;
use messaging_core::{
    Actor, Body, ConversationId, ErrorKind, IdempotencyKey, Side, SystemMessage,
    clock::{Clock, ManualClock},
    domain::change::Change,
    host::HostError,
    host::access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    memory::MemoryStore,
    store::{ChangeState, ConversationStore, Publisher},
};

use crate::support::*;

#[tokio::test]
async fn a_retry_returns_the_original_message_after_any_change() {
    let world = World::new();
    let id = world.open().await;
    let first = world
        .messaging
        .send_message(&carl(), &message(id, "hello", Some("k")))
        .await
        .unwrap();
    world.messaging.block(&ada(), id).await.unwrap();
    let again = world
        .messaging
        .send_message(&carl(), &message(id, " hello\r\n", Some("k")))
        .await
        .unwrap();
    world.messaging.admin(&root()).unwrap().close(id).await.unwrap();
    let closed = world
        .messaging
        .send_message(&carl(), &message(id, "hello", Some("k")))
        .await
        .unwrap();
    assert!(first.created && !again.created && !closed.created);
    assert_eq!([&again.message, &closed.message], [&first.message; 2]);
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&carl(), &message(id, "other", Some("k")))
                .await
        ),
        ErrorKind::IdempotencyConflict
    );
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&carl(), &message(id, "new", Some("k2")))
                .await
        ),
        ErrorKind::Closed
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 1);
}

#[tokio::test]
async fn idempotency_keys_are_per_sender() {
    let world = World::new();
    let id = world.open().await;
    let key = IdempotencyKey::parse("k").unwrap();
    for actor in [carl(), ada()] {
        assert!(
            world
                .messaging
                .send_message(&actor, &message(id, "mine", Some("k")))
                .await
                .unwrap()
                .created
        );
    }
    let body = Body::parse("booked").unwrap();
    for created in [true, false] {
        let sent = world
            .messaging
            .operations()
            .send_system_message(&SystemMessage::new(id, body.clone(), key.clone()))
            .await
            .unwrap();
        assert_eq!((sent.created, sent.message.row.message.seq), (created, 3));
    }
    let other = Body::parse("cancelled").unwrap();
    assert_eq!(
        kind(
            world
                .messaging
                .operations()
                .send_system_message(&SystemMessage::new(id, other, key))
                .await
        ),
        ErrorKind::IdempotencyConflict
    );
}

#[tokio::test]
async fn a_block_refuses_only_the_other_sides_messages() {
    let world = World::new();
    let id = world.open().await;
    world.messaging.block(&ada(), id).await.unwrap();
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&carl(), &message(id, "hello", None))
                .await
        ),
        ErrorKind::Blocked
    );
    world.send(&ada(), id, "no, thank you").await;
    let body = Body::parse("booked").unwrap();
    world
        .messaging
        .operations()
        .send_system_message(&SystemMessage::new(id, body, IdempotencyKey::parse("k").unwrap()))
        .await
        .unwrap();
    world.messaging.unblock(&ada(), id).await.unwrap();
    world.send(&carl(), id, "hello").await;
}

/// A policy that changes the conversation between the decision and the step, once per listed change.
struct Meddling {
    store: MemoryStore,
    changes: Mutex<Vec<Change>>,
}

#[async_trait]
impl AccessPolicy for Meddling {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        let change = self.changes.lock().unwrap().pop();
        let (Some(change), Some(conversation_id), ParticipantAction::Send) =
            (change, on.conversation_id, action)
        else {
            return Ok(Ruling::Allow);
        };
        let found = self
            .store
            .find_conversation(conversation_id.into())
            .await
            .unwrap()
            .unwrap();
        let now = ManualClock::new().now();
        let mut step = ChangeState::new(&found, change, now, Publisher::Anyone);
        step.access_version = on.access_version;
        self.store.change_state(&step).await.unwrap();
        Ok(Ruling::Allow)
    }
}

async fn meddled_with(changes: Vec<Change>) -> (World, ConversationId) {
    let store = MemoryStore::new();
    let opener = World::on(store.clone(), ManualClock::new(), People, |builder| builder);
    let id = opener.open().await;
    let meddling = Meddling {
        store: store.clone(),
        changes: Mutex::new(changes),
    };
    (
        World::on(store, ManualClock::new(), People, |builder| {
            builder.policy(meddling)
        }),
        id,
    )
}

#[tokio::test]
async fn a_block_between_decision_and_step_is_enforced() {
    let (world, id) = meddled_with(vec![Change::Block(Side::Agent)]).await;
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&carl(), &message(id, "hello", None))
                .await
        ),
        ErrorKind::Blocked
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_send_is_decided_again_when_the_conversation_has_changed() {
    let (world, id) = meddled_with(vec![Change::Unblock(Side::Client), Change::Block(Side::Client)]).await;
    assert!(world.send(&carl(), id, "hello").await.created);
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_constantly_changing_conversation_is_unavailable() {
    let flips = [Change::Unblock(Side::Client), Change::Block(Side::Client)];
    let (world, id) = meddled_with(flips.into_iter().cycle().take(100).collect()).await;
    let refused = world
        .messaging
        .send_message(&carl(), &message(id, "hello", None))
        .await;
    assert!(matches!(kind(refused), ErrorKind::Unavailable { .. }));
}

/// The host's own rules: messages about money and blocks are refused.
struct HouseRules;

#[async_trait]
impl AccessPolicy for HouseRules {
    async fn check(
        &self,
        actor: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        let is_refused = action == ParticipantAction::Block
            && on.conversation_id.is_some()
            && actor.user_id().as_str() == "carl";
        Ok(if is_refused {
            Ruling::refuse("Please call us first.")
        } else {
            Ruling::Allow
        })
    }
}

#[tokio::test]
async fn the_host_can_refuse_and_never_grant() {
    let world = World::with(|builder| builder.policy(HouseRules));
    let id = world.open().await;
    let message = Some("Please call us first.".to_owned());
    assert_eq!(
        kind(world.messaging.block(&carl(), id).await),
        ErrorKind::Forbidden { message }
    );
    world.messaging.block(&ada(), id).await.unwrap();
    assert_eq!(
        kind(world.messaging.block(&stranger(), id).await),
        ErrorKind::NotFound
    );
}
