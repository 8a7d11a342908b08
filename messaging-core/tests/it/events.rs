//! The projection of outbox entries to events: channels, names and data.

use crate::support::*;
use messaging_core::{
    Body, IdempotencyKey, OpenConversation, Recipients, Side, SystemMessage, transport::realtime::Limits,
};

#[tokio::test]
async fn a_message_is_published_to_the_conversation_and_the_other_side() {
    let world = World::new();
    let id = world.open().await;
    world
        .messaging
        .send_message(&carl(), &message(id, "Is \"the hut\" open?", Some("k1")))
        .await
        .unwrap();
    world.drain().await;
    insta::assert_snapshot!(event_lines(&world.realtime.take()));
}

#[tokio::test]
async fn reading_is_published_to_the_conversation_and_the_readers_channel() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, "one").await;
    world
        .messaging
        .operations()
        .send_system_message(&SystemMessage::new(
            id,
            Body::parse("Booked").unwrap(),
            IdempotencyKey::parse("s").unwrap(),
        ))
        .await
        .unwrap();
    let last = world.send(&carl(), id, "two").await;
    world.drain().await;
    world.realtime.take();
    world
        .messaging
        .mark_read(&ada(), id, last.message.row.message.id)
        .await
        .unwrap();
    world.drain().await;
    insta::assert_snapshot!(event_lines(&world.realtime.take()));
}

#[tokio::test]
async fn a_system_message_is_published_to_the_addressed_users() {
    let world = World::new();
    let id = world.open().await;
    for (to, expected) in [
        (Recipients::Side(Side::Client), vec!["private-user-carl"]),
        (Recipients::Side(Side::Agent), vec!["private-user-ada"]),
        (Recipients::Both, vec!["private-user-carl", "private-user-ada"]),
    ] {
        let key = IdempotencyKey::parse(format!("{to:?}").replace(['(', ')'], "")).unwrap();
        world
            .messaging
            .operations()
            .send_system_message(&SystemMessage::new(id, Body::parse("Hello").unwrap(), key).to(to))
            .await
            .unwrap();
        world.drain().await;
        let events = world.realtime.take();
        assert!(
            events[0].data.contains("\"clientMessageId\":null"),
            "idempotency keys are not published"
        );
        let (conversation, users) = events.split_first().unwrap();
        assert_eq!(
            conversation.channel.as_str(),
            format!("private-conversation-{id}")
        );
        assert_eq!(
            users
                .iter()
                .map(|event| event.channel.as_str())
                .collect::<Vec<_>>(),
            expected
        );
    }
}

#[tokio::test]
async fn a_change_is_published_to_each_side_once() {
    let world = World::new();
    let open = OpenConversation::new(agent("alpine")).with_booking(booking("b-carl"));
    for _ in 0..2 {
        world.messaging.open_conversation(&carl(), &open).await.unwrap();
        world.drain().await;
    }
    let id = world.open().await;
    world.messaging.block(&ada(), id).await.unwrap();
    world.messaging.block(&ada(), id).await.unwrap();
    world.drain().await;
    let blocked = world.realtime.take();
    world.messaging.admin(&root()).unwrap().close(id).await.unwrap();
    world.drain().await;
    insta::assert_snapshot!(event_lines(&[blocked, world.realtime.take()].concat()));
}

#[tokio::test]
async fn opening_is_published_to_both_sides() {
    let world = World::new();
    let open = OpenConversation::new(agent("alpine")).with_booking(booking("b-carl"));
    world.messaging.open_conversation(&carl(), &open).await.unwrap();
    world.drain().await;
    insta::assert_snapshot!(event_lines(&world.realtime.take()));
}

#[tokio::test]
async fn an_oversized_message_is_published_without_its_content() {
    let world = World::new();
    let id = world.open().await;
    world.realtime.set_limits(Limits {
        events_per_call: 10,
        data_bytes: 480,
    });
    world.send(&carl(), id, &"x".repeat(50)).await;
    world.send(&carl(), id, &"😀".repeat(2_000)).await;
    world.drain().await;
    insta::assert_snapshot!(event_lines(&world.realtime.take()));
}

#[tokio::test]
async fn the_longest_texts_fit_the_hosted_transport() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, &"😀".repeat(2_000)).await;
    world.send(&carl(), id, &"\"".repeat(2_000)).await;
    world.drain().await;
    let events = world.realtime.take();
    assert!(
        events
            .iter()
            .all(|event| event.data.len() <= 10_240 && !event.data.contains("truncated"))
    );
}

#[tokio::test]
async fn a_receipt_lists_the_newest_100_messages_it_covers() {
    let world = World::new();
    let id = world.open().await;
    let mut ids = Vec::new();
    for n in 0..120 {
        ids.push(
            world
                .send(&carl(), id, &n.to_string())
                .await
                .message
                .row
                .message
                .id,
        );
    }
    world.messaging.mark_read(&ada(), id, ids[9]).await.unwrap();
    world.drain().await;
    world.realtime.take();
    world.messaging.mark_read(&ada(), id, ids[119]).await.unwrap();
    world.drain().await;
    let events = world.realtime.take();
    let data: serde_json::Value = serde_json::from_str(&events[0].data).unwrap();
    let listed: Vec<_> = data["messageIds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        listed,
        ids[20..].iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    assert!(events[0].data.len() <= 10_240);
}
