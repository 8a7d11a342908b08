//! The realtime and presence ports, through clients.

use std::time::Duration;

use messaging_core::{
    Messaging, OpenConversation,
    event::{Event, SocketId, Typing},
    host::presence::Presence,
    memory::MemoryStore,
    participant::Authorized,
    transport::realtime::Realtime,
};
use messaging_pusher::{ClientEvents, EmbeddedOptions};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent, client},
};
use serde_json::{Value, json};

use crate::support::embedded::{Fixture, PRESENCE, PRIVATE, event, name, user};

#[tokio::test]
async fn an_event_reaches_all_subscribers_except_the_excluded_one() {
    let fixture = Fixture::open().await;
    let mut ann = fixture.subscriber(PRIVATE, "ann").await;
    let mut bob = fixture.subscriber(PRIVATE, "bob").await;
    let except = Some(SocketId::parse(&ann.socket_id).unwrap());
    let batch = [
        Event {
            except,
            ..event(PRIVATE, r#"{"n":1}"#)
        },
        event(PRIVATE, r#"{"n":2}"#),
    ];
    fixture.channels.publish(&batch).await.unwrap();
    assert_eq!(ann.receive("new-message").await["data"]["n"], 2);
    for n in [1, 2] {
        let expected = json!({ "event": "new-message", "channel": PRIVATE, "data": { "n": n } });
        assert_eq!(bob.receive("new-message").await, expected);
    }
}

#[tokio::test]
async fn joining_and_leaving_members_are_announced() {
    let fixture = Fixture::open().await;
    let mut bob = fixture.subscriber(PRESENCE, "bob").await;
    let ann = fixture.subscriber(PRESENCE, "ann").await;
    let added = bob.receive("pusher_internal:member_added").await;
    assert_eq!(
        added["data"],
        json!({ "user_id": "ann", "user_info": { "name": "ANN" } })
    );
    drop(ann);
    let removed = bob.receive("pusher_internal:member_removed").await;
    assert_eq!(removed["data"], json!({ "user_id": "ann" }));
}

#[tokio::test]
async fn a_user_is_online_while_connected() {
    let fixture = Fixture::open().await;
    let ann = fixture.subscriber("private-user-ann", "ann").await;
    let online = fixture
        .channels
        .online(&[user("ann"), user("bob")])
        .await
        .unwrap();
    assert_eq!((online[&user("ann")], online[&user("bob")]), (true, false));
    assert_eq!(fixture.channels.occupied_channels(), [name("private-user-ann")]);
    drop(ann);
    fixture
        .until(|channels| channels.occupied_channels().is_empty())
        .await;
}

#[tokio::test]
async fn one_transport_signs_delivers_and_reports_presence() {
    let fixture = Fixture::open().await;
    let (messaging, _workers) = Messaging::builder(MemoryStore::new(), FakeDirectory::new())
        .transport(fixture.channels.clone())
        .build()
        .unwrap();
    let (ann, open) = (client(1), OpenConversation::new(agency_id(1)));
    let opened = messaging
        .open_conversation(&ann, &open)
        .await
        .unwrap()
        .conversation;
    let [online] = messaging.list_online(std::slice::from_ref(&opened)).await[..] else {
        panic!("expected one conversation");
    };
    assert_eq!(online.agent, Some(false));
    let mut listener = fixture.client().await;
    let socket = SocketId::parse(&listener.socket_id).unwrap();
    let channel = format!("private-conversation-{}", opened.id());
    let authorized = messaging.authorize(&agent(1), &socket, &name(&channel)).await;
    let Authorized::Signed(signed) = authorized.unwrap() else {
        panic!("expected a channel of this crate");
    };
    listener.subscribe(&channel, &signed).await;
    listener.receive("pusher_internal:subscription_succeeded").await;
    messaging
        .set_typing(&ann, opened.id(), Typing::Started, None)
        .await
        .unwrap();
    assert_eq!(
        listener.receive("typing-start").await["data"]["userId"],
        "client-1"
    );
}

#[tokio::test]
async fn a_revoked_subscription_ends_immediately() {
    let fixture = Fixture::open().await;
    let mut ann = fixture.subscriber(PRIVATE, "ann").await;
    let auth = fixture.sign(&ann, PRIVATE, "ann");
    fixture
        .channels
        .revoke(&user("ann"), &name(PRIVATE))
        .await
        .unwrap();
    fixture.channels.publish(&[event(PRIVATE, "{}")]).await.unwrap();
    assert_eq!(
        ann.receive("pusher:subscription_error").await["data"]["status"],
        403
    );
    ann.subscribe(PRIVATE, &auth).await;
    assert_eq!(
        ann.receive("pusher:subscription_error").await["data"]["status"],
        401
    );
    ann.subscribe(PRIVATE, &fixture.sign(&ann, PRIVATE, "ann")).await;
    ann.receive("pusher_internal:subscription_succeeded").await;
}

#[tokio::test]
async fn client_events_are_limited_to_ten_a_second() {
    let options = EmbeddedOptions::default().with_client_events(ClientEvents::AllChannels);
    let fixture = Fixture::open_with(options).await;
    let mut ann = fixture.subscriber(PRIVATE, "ann").await;
    let mut bob = fixture.subscriber(PRIVATE, "bob").await;
    let typing = |n: i32| json!({ "event": "client-typing", "channel": PRIVATE, "data": n });
    for n in 0..11 {
        ann.send(typing(n).to_string()).await;
    }
    assert_eq!(ann.receive("pusher:error").await["data"]["code"], 4301);
    fixture.clock.advance(Duration::from_secs(1));
    ann.send(typing(11).to_string()).await;
    let mut heard: Vec<Value> = Vec::new();
    for _ in 0..11 {
        heard.push(bob.receive("client-typing").await["data"].clone());
    }
    assert_eq!(heard, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11].map(|n| json!(n)));
}

#[tokio::test]
async fn messages_above_the_rate_stay_unread() {
    let fixture = Fixture::open().await;
    let mut client = fixture.client().await;
    for _ in 0..201 {
        client.send(r#"{"event":"pusher:ping","data":{}}"#).await;
    }
    for _ in 0..200 {
        client.receive("pusher:pong").await;
    }
    // The last request is answered only after the bucket refills.
    client.expect_nothing().await;
    fixture.clock.advance(Duration::from_millis(10));
    client.receive("pusher:pong").await;
}
