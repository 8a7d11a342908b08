//! What the ports promise, seen by clients.

use std::time::Duration;

use messaging_core::{
    event::{Event, SocketId},
    host::presence::Presence,
    transport::realtime::Realtime,
};
use messaging_pusher::{ClientEvents, EmbeddedOptions};
use serde_json::{Value, json};

use crate::support::embedded::{House, PRESENCE, PRIVATE, event, name, user};

#[tokio::test]
async fn an_event_reaches_all_subscribers_but_the_excluded() {
    let house = House::open().await;
    let mut ann = house.subscriber(PRIVATE, "ann").await;
    let mut bob = house.subscriber(PRIVATE, "bob").await;
    let except = Some(SocketId::parse(&ann.socket_id).unwrap());
    let batch = [
        Event {
            except,
            ..event(PRIVATE, r#"{"n":1}"#)
        },
        event(PRIVATE, r#"{"n":2}"#),
    ];
    house.channels.publish(&batch).await.unwrap();
    assert_eq!(ann.hear("new-message").await["data"]["n"], 2);
    for n in [1, 2] {
        let expected = json!({ "event": "new-message", "channel": PRIVATE, "data": { "n": n } });
        assert_eq!(bob.hear("new-message").await, expected);
    }
}

#[tokio::test]
async fn members_come_and_go() {
    let house = House::open().await;
    let mut bob = house.subscriber(PRESENCE, "bob").await;
    let ann = house.subscriber(PRESENCE, "ann").await;
    let added = bob.hear("pusher_internal:member_added").await;
    assert_eq!(
        added["data"],
        json!({ "user_id": "ann", "user_info": { "name": "ANN" } })
    );
    drop(ann);
    let removed = bob.hear("pusher_internal:member_removed").await;
    assert_eq!(removed["data"], json!({ "user_id": "ann" }));
}

#[tokio::test]
async fn a_user_is_online_while_connected() {
    let house = House::open().await;
    let ann = house.subscriber("private-user-ann", "ann").await;
    let online = house.channels.online(&[user("ann"), user("bob")]).await.unwrap();
    assert_eq!((online[&user("ann")], online[&user("bob")]), (true, false));
    assert_eq!(house.channels.occupied_channels(), [name("private-user-ann")]);
    drop(ann);
    house
        .until(|channels| channels.occupied_channels().is_empty())
        .await;
}

#[tokio::test]
async fn a_revoked_subscription_ends_at_once() {
    let house = House::open().await;
    let mut ann = house.subscriber(PRIVATE, "ann").await;
    let auth = house.sign(&ann, PRIVATE, "ann");
    house.channels.revoke(&user("ann"), &name(PRIVATE)).await.unwrap();
    house.channels.publish(&[event(PRIVATE, "{}")]).await.unwrap();
    assert_eq!(ann.hear("pusher:subscription_error").await["data"]["status"], 403);
    ann.subscribe(PRIVATE, &auth).await;
    assert_eq!(ann.hear("pusher:subscription_error").await["data"]["status"], 401);
    ann.subscribe(PRIVATE, &house.sign(&ann, PRIVATE, "ann")).await;
    ann.hear("pusher_internal:subscription_succeeded").await;
}

#[tokio::test]
async fn client_events_are_limited_to_ten_a_second() {
    let options = EmbeddedOptions::default().with_client_events(ClientEvents::AllChannels);
    let house = House::open_with(options).await;
    let mut ann = house.subscriber(PRIVATE, "ann").await;
    let mut bob = house.subscriber(PRIVATE, "bob").await;
    let typing = |n: i32| json!({ "event": "client-typing", "channel": PRIVATE, "data": n });
    for n in 0..11 {
        ann.say(typing(n).to_string()).await;
    }
    assert_eq!(ann.hear("pusher:error").await["data"]["code"], 4301);
    house.clock.advance(Duration::from_secs(1));
    ann.say(typing(11).to_string()).await;
    let mut heard: Vec<Value> = Vec::new();
    for _ in 0..11 {
        heard.push(bob.hear("client-typing").await["data"].clone());
    }
    assert_eq!(heard, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11].map(|n| json!(n)));
}

#[tokio::test]
async fn a_flood_of_commands_waits_unread() {
    let house = House::open().await;
    let mut client = house.client().await;
    for _ in 0..201 {
        client.say(r#"{"event":"pusher:ping","data":{}}"#).await;
    }
    for _ in 0..200 {
        client.hear("pusher:pong").await;
    }
    // The last is answered once the budget has refilled, and not before.
    client.expect_silence().await;
    house.clock.advance(Duration::from_millis(10));
    client.hear("pusher:pong").await;
}
