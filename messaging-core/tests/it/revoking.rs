//! Ended access ends in all processes: the process that publishes the change first ends the user's
//! subscriptions.

use std::time::Duration;

use messaging_core::{ErrorKind, event::Typing, id::ConversationId, transport::TransportErrorKind};

use crate::support::*;
use TransportErrorKind::{Busy, Misconfigured, OutcomeUnknown, Refused, Unavailable};

fn revoked(user: &str, id: ConversationId) -> Vec<String> {
    ["private", "presence"]
        .map(|form| format!("{user} {form}-conversation-{id}"))
        .into()
}

/// Reassigns alpine's conversation to another user, and sends a message in it.
async fn reassign_and_send(world: &World, id: ConversationId, to: &str, text: &str) {
    reassign(world, to).await;
    world.send(&carl(), id, text).await;
}

async fn reassign(world: &World, to: &str) {
    let moved = world
        .messaging
        .operations()
        .reassign_agent(&agent("alpine"), &user(to))
        .await;
    assert_eq!(moved.unwrap().moved, 1);
}

/// Uses another handle on the same store, without publishing, as a command beside a running server does.
async fn reassign_by_another_process(world: &World, to: &str) {
    let other = World::on(world.store.clone(), world.clock.clone(), People, |builder| {
        builder
    });
    reassign(&other, to).await;
    assert_eq!(other.realtime.revoked(), [""; 0]);
}

#[tokio::test]
async fn the_publishing_process_revokes_before_later_entries() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, "before").await;
    reassign_by_another_process(&world, "new").await;
    world.send(&carl(), id, "after").await;
    world.drain().await;
    assert_eq!(world.realtime.revoked(), revoked("ada", id));
    let before = world.realtime.accepted_before_revocation().unwrap();
    let events = world.realtime.take();
    assert_eq!(texts(&events[..before]), ["before"]);
    assert_eq!(texts(&events[before..]), ["after"]);
}

#[tokio::test]
async fn successive_revocations_are_all_made_in_order() {
    let world = World::new();
    let id = world.open().await;
    for to in ["second", "third"] {
        reassign(&world, to).await;
    }
    world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    world.drain().await;
    let expected: Vec<_> = ["ada", "second", "carl"]
        .iter()
        .flat_map(|user| revoked(user, id))
        .collect();
    assert_eq!(world.realtime.revoked(), expected);
}

#[tokio::test]
async fn a_lane_waits_for_a_revocation_for_a_bounded_time() {
    let world = World::new();
    let id = world.open().await;
    reassign_and_send(&world, id, "new", "later").await;
    world
        .realtime
        .fail_revocations([Unavailable, Busy { retry_after: None }, OutcomeUnknown]);
    for _ in 0..3 {
        world.drain().await;
        assert_eq!(texts(&world.realtime.take()), [""; 0]);
        world.clock.advance(Duration::from_secs(15));
    }
    world.drain().await;
    assert_eq!(world.realtime.revoked(), revoked("ada", id));
    assert_eq!(texts(&world.realtime.take()), ["later"]);

    reassign_and_send(&world, id, "newer", "at last").await;
    // The number of tries counts, not the time since the commit by any clock.
    world.clock.advance(Duration::from_hours(1));
    world.realtime.fail_revocations([Unavailable; 20]);
    let mut tries = 0;
    while texts(&world.realtime.take()).is_empty() {
        world.clock.advance(Duration::from_secs(16));
        world.drain().await;
        tries += 1;
        assert!(
            tries < 12,
            "the revocation is skipped after about a minute of pauses"
        );
    }
    assert!(tries > 7, "{tries} tries");
    assert_eq!(world.realtime.revoked(), revoked("ada", id));
}

#[tokio::test]
async fn a_refused_revocation_is_skipped_and_does_not_open_the_breaker() {
    for kind in [Refused, Misconfigured] {
        let world = World::new();
        let id = world.open().await;
        reassign_and_send(&world, id, "new", "later").await;
        world.realtime.fail_revocations([kind]);
        world.drain().await;
        assert_eq!(texts(&world.realtime.take()), ["later"], "{kind}");
        assert!(!world.messaging.operations().health().await.unwrap().halted);
    }
}

#[tokio::test]
async fn typing_is_refused_whenever_sending_is() {
    let world = World::new();
    let id = world.open().await;
    let types = async |actor: &_| {
        let typed = world.messaging.set_typing(actor, id, Typing::Started, None).await;
        typed.map_err(|error| error.kind().clone())
    };
    world.messaging.block(&ada(), id).await.unwrap();
    assert_eq!(types(&carl()).await, Err(ErrorKind::Blocked));
    assert_eq!(types(&ada()).await, Ok(()), "the blocking side may still write");
    world.messaging.admin(&root()).unwrap().close(id).await.unwrap();
    for actor in [carl(), ada()] {
        assert_eq!(types(&actor).await, Err(ErrorKind::Closed));
    }
}

#[tokio::test]
async fn a_blocked_side_does_not_see_the_other_sides_presence() {
    let world = World::new();
    let id = world.open().await;
    let channel = format!("presence-conversation-{id}");
    let socket = messaging_core::event::SocketId::parse("1.2").unwrap();
    let name = messaging_core::event::ChannelName::parse(&channel).unwrap();
    let signs = async |actor: &_| world.messaging.authorize(actor, &socket, &name).await.is_ok();
    assert!(signs(&carl()).await && signs(&ada()).await);
    world.messaging.block(&ada(), id).await.unwrap();
    assert_eq!(world.realtime.unsubscribed(), [format!("carl {channel}")]);
    assert_eq!(world.realtime.revoked(), [""; 0], "a block ends no connection");
    assert!(!signs(&carl()).await, "blocked");
    assert!(signs(&ada()).await, "blocks");
    world.messaging.unblock(&ada(), id).await.unwrap();
    assert!(signs(&carl()).await);
}
