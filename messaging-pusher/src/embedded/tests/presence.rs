//! Presence channels.

use messaging_core::host::presence::Presence as _;
use serde_json::json;

use super::*;

fn added(user_id: &str) -> Value {
    json!({
        "event": "pusher_internal:member_added",
        "channel": PRESENCE,
        "data": { "user_id": user_id, "user_info": { "name": user_id.to_uppercase() } },
    })
}

fn removed(user_id: &str) -> Value {
    json!({ "event": "pusher_internal:member_removed", "channel": PRESENCE, "data": { "user_id": user_id } })
}

#[test]
fn a_new_member_receives_the_list_and_the_others_are_notified() {
    let server = TestServer::new();
    let bob = server.client().subscribed_to(PRESENCE, "bob");
    let mut ann = server.client();
    ann.subscribe(PRESENCE, "ann");
    let presence = json!({
        "count": 2,
        "ids": ["ann", "bob"],
        "hash": { "ann": { "name": "ANN" }, "bob": { "name": "BOB" } },
    });
    assert_eq!(
        ann.received(),
        [json!({
            "event": "pusher_internal:subscription_succeeded",
            "channel": PRESENCE,
            "data": { "presence": presence },
        })]
    );
    assert_eq!(bob.received(), [added("ann")]);
    ann.unsubscribe(PRESENCE);
    assert_eq!(bob.received(), [removed("ann")]);
    assert_eq!(ann.received_events(), [""; 0]);
}

#[test]
fn further_connections_of_a_member_are_not_announced() {
    let server = TestServer::new();
    let bob = server.client().subscribed_to(PRESENCE, "bob");
    let ann = server.client().subscribed_to(PRESENCE, "ann");
    let ann_too = server.client().subscribed_to(PRESENCE, "ann");
    assert_eq!(bob.received(), [added("ann")]);
    drop(ann);
    assert_eq!(bob.received_events(), [""; 0]);
    assert_eq!(ann_too.received_events(), [""; 0]);
    drop(ann_too);
    assert_eq!(bob.received(), [removed("ann")]);
}

#[test]
fn a_presence_channel_has_at_most_a_hundred_users() {
    let server = TestServer::new();
    let _pages: Vec<_> = (0..100)
        .map(|i| server.client().subscribed_to(PRESENCE, &i.to_string()))
        .collect();
    let mut one_more = server.client();
    one_more.subscribe(PRESENCE, "ann");
    assert_eq!(one_more.received()[0]["data"]["type"], "LimitReached");
    one_more.subscribe(PRESENCE, "7");
    assert_eq!(one_more.received()[0]["data"]["presence"]["count"], 100);
}

#[tokio::test]
async fn a_user_is_online_while_subscribed_to_their_channel() {
    let names = messaging_core::event::ChannelNames::with_prefix("test-").unwrap();
    let server = TestServer::with(EmbeddedOptions::default().with_names(names));
    let ann = server.client().subscribed_to("private-test-user-ann", "ann");
    let _bob = server.client().subscribed_to("private-user-bob", "bob");
    let online = server.channels.online(&[user("ann"), user("bob")]).await.unwrap();
    assert!(online[&user("ann")] && !online[&user("bob")]);
    drop(ann);
    assert!(!server.channels.online(&[user("ann")]).await.unwrap()[&user("ann")]);
}

#[test]
fn a_member_must_be_the_user_that_this_server_signed_for() {
    let server = TestServer::new();
    let mut client = server.client();
    // Another signer with the same secret.
    let auth_of_ann = TestServer::new().sign(&client, PRESENCE, "ann");
    server.sign(&client, PRESENCE, "bob");
    client.subscribe_with(PRESENCE, &auth_of_ann);
    assert_eq!(client.received()[0]["data"]["status"], 401);
    assert_eq!(server.occupied(), [""; 0]);
    client.subscribed_to(PRESENCE, "ann");
}

#[test]
fn a_signature_is_accepted_for_any_member_name() {
    let server = TestServer::new();
    for part in ["x", "é", "🦀", "\"", "\n", "\u{1}"] {
        let mut client = server.client();
        let subscription = Subscription {
            socket_id: client.socket_id(),
            channel: name(PRESENCE),
            member: Member {
                user_id: user("ann"),
                name: part.repeat(5_000),
            },
        };
        let auth = server.channels.sign(&subscription).unwrap();
        client.subscribe_with(PRESENCE, &auth);
        assert_eq!(
            client.received_events(),
            ["pusher_internal:subscription_succeeded"],
            "{part:?}"
        );
    }
}
