//! Opening a conversation.

use futures_util::future::join_all;
use messaging_core::{ErrorKind, OpenByHost, clock::ManualClock, memory::MemoryStore, port::PortError};

use crate::world::*;

#[tokio::test]
async fn ten_simultaneous_opens_give_one_conversation() {
    let world = World::new();
    let request = open("alpine", None);
    let carl = carl();
    let opens = join_all((0..10).map(|_| world.messaging.open_conversation(&carl, &request))).await;
    let opens: Vec<_> = opens.into_iter().map(Result::unwrap).collect();
    assert_eq!(opens.iter().filter(|opened| opened.created).count(), 1);
    let first = opens[0].conversation.overview.conversation.id;
    assert!(
        opens
            .iter()
            .all(|opened| opened.conversation.overview.conversation.id == first)
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
        // Nor does it tell them which agents there are.
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
    let by_host = OpenByHost::new(&user("carl"), &agent("carls"), &user("carl"));
    assert_eq!(kind(world.messaging.plan_open(by_host)), FORBIDDEN);
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
async fn a_booking_of_others_is_refused_like_one_that_does_not_exist() {
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
    assert_eq!(details.view.overview.booking_id, Some(booking("b-carl-2")));
    assert_eq!(details.view.booking.number, "no. b-carl-2");
    let listed: Vec<_> = details
        .bookings
        .iter()
        .map(|(id, shown)| format!("{id} {}", shown.number))
        .collect();
    assert_eq!(listed, ["b-carl-2 no. b-carl-2", "b-carl no. b-carl"]);
}

#[tokio::test]
async fn opening_fails_while_the_directory_does() {
    let mut directory = MockDirectory::new();
    directory
        .expect_agent_user()
        .returning(|_| Err(PortError::temporary("down")));
    let world = World::on(MemoryStore::new(), ManualClock::new(), directory, |builder| {
        builder
    });
    let refused = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await;
    assert!(matches!(kind(refused), ErrorKind::Unavailable { .. }));
}
