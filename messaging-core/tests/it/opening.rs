//! Opening a conversation.

use futures_util::future::join_all;
use messaging_core::{
    ConversationId, ErrorKind, HostOpen, Messaging,
    clock::ManualClock,
    host::HostError,
    memory::MemoryStore,
    store::{ConversationKey, ConversationStore as _, StoreErrorKind},
};
use messaging_testkit::fake::{Effect, FailingStore};
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn the_host_finds_a_conversation_by_id_pair_and_booking() {
    let world = World::new();
    let opened = world
        .messaging
        .open_conversation(&carl(), &open("alpine", Some("b-carl")))
        .await;
    let id = opened.unwrap().conversation.id();
    let operations = world.messaging.operations();
    let pair = |client: &str| ConversationKey::Pair {
        client_id: user(client),
        agent_id: agent("alpine"),
    };
    for key in [
        id.into(),
        pair("carl"),
        ConversationKey::Booking(booking("b-carl")),
    ] {
        let found = operations.find_conversation(key.clone()).await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(id), "{key:?}");
    }
    for key in [
        unknown_conversation().into(),
        pair("erin"),
        ConversationKey::Booking(booking("b-erin")),
    ] {
        assert_eq!(
            operations.find_conversation(key.clone()).await.unwrap(),
            None,
            "{key:?}"
        );
    }
}

#[tokio::test]
async fn ten_concurrent_openings_create_one_conversation() {
    let world = World::new();
    let request = open("alpine", None);
    let carl = carl();
    let opens = join_all((0..10).map(|_| world.messaging.open_conversation(&carl, &request))).await;
    let opens: Vec<_> = opens.into_iter().map(Result::unwrap).collect();
    assert_eq!(opens.iter().filter(|opened| opened.created).count(), 1);
    let first = opens[0].conversation.summary.conversation.id;
    assert!(
        opens
            .iter()
            .all(|opened| opened.conversation.summary.conversation.id == first)
    );
}

#[tokio::test]
async fn only_a_client_opens_and_not_with_themselves() {
    let world = World::new();
    for actor in [ada(), root()] {
        assert_eq!(
            kind(
                world
                    .messaging
                    .open_conversation(&actor, &open("alpine", None))
                    .await
            ),
            FORBIDDEN
        );
        // The error does not reveal which agents exist.
        assert_eq!(
            kind(
                world
                    .messaging
                    .open_conversation(&actor, &open("nobody", None))
                    .await
            ),
            FORBIDDEN
        );
    }
    assert_eq!(
        kind(
            world
                .messaging
                .open_conversation(&carl(), &open("carls", None))
                .await
        ),
        FORBIDDEN
    );
    let by_host = HostOpen::new(&user("carl"), &agent("carls"), &user("carl"));
    assert_eq!(
        kind(world.messaging.operations().prepare_open(by_host)),
        FORBIDDEN
    );
    assert_eq!(
        kind(
            world
                .messaging
                .open_conversation(&carl(), &open("nobody", None))
                .await
        ),
        ErrorKind::UnknownAgent
    );
    assert_eq!(world.count_conversations().await, 0);
}

#[tokio::test]
async fn a_foreign_booking_is_refused_like_a_missing_one() {
    let world = World::new();
    for booking in ["b-nothing", "b-other", "b-baltic"] {
        let refused = world
            .messaging
            .open_conversation(&carl(), &open("alpine", Some(booking)))
            .await;
        assert_eq!(kind(refused), ErrorKind::UnknownBooking, "{booking}");
    }
    assert_eq!(world.count_conversations().await, 0);
}

#[tokio::test]
async fn the_newest_booking_is_shown_and_all_stay_listed() {
    let world = World::new();
    for booking in ["b-carl", "b-carl-2", "b-carl"] {
        world
            .messaging
            .open_conversation(&carl(), &open("alpine", Some(booking)))
            .await
            .unwrap();
    }
    let id = world.first_conversation().await;
    let details = world.messaging.find_conversation(&ada(), id).await.unwrap();
    assert_eq!(details.view.summary.booking_id, Some(booking("b-carl-2")));
    assert_eq!(details.view.booking.number, "no. b-carl-2");
    let listed: Vec<_> = details
        .bookings
        .iter()
        .map(|(id, shown)| format!("{id} {}", shown.number))
        .collect();
    assert_eq!(listed, ["b-carl-2 no. b-carl-2", "b-carl no. b-carl"]);
}

#[tokio::test]
async fn unlinking_a_cancelled_booking_notifies_both_sides_of_the_remaining_one() {
    let world = World::new();
    for booking in ["b-carl", "b-carl-2"] {
        let open = open("alpine", Some(booking));
        world.messaging.open_conversation(&carl(), &open).await.unwrap();
    }
    let id = world.first_conversation().await;
    world.drain().await;
    world.realtime.take();
    for (cancelled, left) in [("b-carl-2", json!("b-carl")), ("b-carl", json!(null))] {
        let unlink = async || {
            let unlinked = world
                .messaging
                .operations()
                .unlink_booking(id, &booking(cancelled))
                .await;
            unlinked.unwrap()
        };
        assert!(unlink().await);
        world.drain().await;
        let told: Vec<_> = world
            .realtime
            .take()
            .into_iter()
            .map(|event| {
                let data: Value = serde_json::from_str(&event.data).unwrap();
                (event.channel.to_string(), event.name, data["bookingId"].clone())
            })
            .collect();
        let expected = ["private-user-carl", "private-user-ada"]
            .map(|channel| (channel.to_owned(), "conversation-updated", left.clone()));
        assert_eq!(told, expected);
        let shown = world.messaging.find_conversation(&ada(), id).await.unwrap();
        assert_eq!(
            json!(shown.view.summary.booking_id.map(|id| id.to_string())),
            left
        );

        assert!(!unlink().await, "once");
        world.drain().await;
        assert!(world.realtime.take().is_empty());
    }
    let nowhere = ConversationId::new(uuid::Uuid::from_u128(404));
    assert!(
        !world
            .messaging
            .operations()
            .unlink_booking(nowhere, &booking("b-carl"))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_send_succeeds_after_a_booking_was_linked_or_unlinked() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, "one").await;
    let linked = open("alpine", Some("b-carl"));
    world.messaging.open_conversation(&carl(), &linked).await.unwrap();
    assert_eq!(world.send(&carl(), id, "two").await.message.row.message.seq, 2);
    assert!(
        world
            .messaging
            .operations()
            .unlink_booking(id, &booking("b-carl"))
            .await
            .unwrap()
    );
    assert_eq!(world.send(&ada(), id, "three").await.message.row.message.seq, 3);
    let access_version = world
        .store
        .find_conversation(id.into())
        .await
        .unwrap()
        .unwrap()
        .access_version;
    assert_eq!(access_version, 2);
}

#[tokio::test]
async fn an_unlinking_of_unknown_outcome_can_be_repeated() {
    let store = FailingStore::new(MemoryStore::new());
    let (messaging, _) = Messaging::builder(store.clone(), People).build().unwrap();
    let linked = open("alpine", Some("b-carl"));
    let opened = messaging.open_conversation(&carl(), &linked).await.unwrap();
    let id = opened.conversation.summary.conversation.id;
    store.fail(2, StoreErrorKind::OutcomeUnknown, Effect::Taken);
    let unknown = messaging
        .operations()
        .unlink_booking(id, &booking("b-carl"))
        .await;
    assert_eq!(kind(unknown), ErrorKind::OutcomeUnknown);
    assert!(
        !messaging
            .operations()
            .unlink_booking(id, &booking("b-carl"))
            .await
            .unwrap()
    );
    let conversation = store.find_conversation(id.into()).await.unwrap().unwrap();
    assert_eq!(conversation.access_version, 1);
}

#[tokio::test]
async fn opening_fails_while_the_directory_fails() {
    let mut directory = MockDirectory::new();
    directory
        .expect_agent_user()
        .returning(|_| Err(HostError::temporary("down")));
    let world = World::on(MemoryStore::new(), ManualClock::new(), directory, |builder| {
        builder
    });
    let counted = Counted::begin();
    let refused = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await;
    assert!(matches!(kind(refused), ErrorKind::Unavailable { .. }));
    let failures = "messaging_host_failures_total part=directory";
    assert_eq!(counted.take().get(failures), Some(&vec![1.0]));
}
