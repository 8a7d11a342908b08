//! Channel names with UUIDs in lower and upper case.

use messaging_core::host::presence::Presence;
use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn channels(kind: &str) -> [String; 2] {
    [ID.to_owned(), ID.to_uppercase()].map(|id| format!("{kind}-conversation-{id}"))
}

#[tokio::test]
async fn both_spellings_are_one_channel_and_each_client_receives_its_own() {
    let server = TestServer::permissive();
    let [canonical, other] = channels("private");
    let ann = server.client().subscribed_to(&canonical, "ann");
    let mut bob = server.client();
    bob.subscribe(&other, "bob");
    let succeeded = "pusher_internal:subscription_succeeded";
    assert_eq!(
        bob.received(),
        [json!({ "event": succeeded, "channel": other, "data": {} })]
    );
    assert_eq!(server.occupied(), [canonical.as_str()]);
    server
        .channels
        .publish(&[event(&canonical, r#"{"x":1}"#)])
        .await
        .unwrap();
    for (client, name) in [(&ann, &canonical), (&bob, &other)] {
        assert_eq!(
            client.received(),
            [json!({ "event": "new-message", "channel": name, "data": { "x": 1 } })]
        );
    }
    bob.send(&json!({ "event": "client-x", "channel": other, "data": { "channel": canonical } }));
    assert_eq!(
        ann.received(),
        [json!({ "event": "client-x", "channel": canonical, "data": { "channel": canonical } })]
    );
    bob.subscribe(&canonical, "bob");
    assert_eq!(
        bob.received()[0]["data"]["message"],
        "existing subscription to the channel"
    );
    bob.unsubscribe(&canonical);
    server.channels.publish(&[event(&canonical, "{}")]).await.unwrap();
    assert_eq!(bob.received_events(), [""; 0]);
}

#[test]
fn a_non_canonical_spelling_is_not_treated_as_a_host_channel() {
    let server = TestServer::new();
    let [canonical, other] = channels("private");
    let bob = server.client().subscribed_to(&canonical, "bob");
    let mut ann = server.client().subscribed_to(&other, "ann");
    ann.send(&json!({ "event": "client-x", "channel": other, "data": {} }));
    assert_eq!(ann.received_events(), ["pusher:error"]);
    assert_eq!(bob.received_events(), [""; 0]);
}

#[tokio::test]
async fn revoking_applies_to_every_spelling() {
    for revoked in 0..2 {
        let server = TestServer::new();
        let names = channels("private");
        let mut clients = names
            .clone()
            .map(|name| server.client().subscribed_to(&name, "ann"));
        server
            .channels
            .revoke(&user("ann"), &name(&names[revoked]))
            .await
            .unwrap();
        for (client, name) in clients.iter_mut().zip(&names) {
            let received = client.received();
            assert_eq!(received.len(), 1);
            assert_eq!(
                (&received[0]["event"], &received[0]["channel"]),
                (&json!("pusher:subscription_error"), &json!(name))
            );
        }
        // A signature from before the revocation is invalid too.
        let mut client = server.client();
        let before = server.sign(&client, &names[0], "ann");
        server
            .channels
            .revoke(&user("ann"), &name(&names[1]))
            .await
            .unwrap();
        client.subscribe_with(&names[0], &before);
        assert_eq!(
            client.received()[0]["data"]["error"],
            "Not authorised for this connection"
        );
    }
}

#[test]
fn members_with_different_spellings_see_each_other() {
    let server = TestServer::new();
    let [canonical, other] = channels("presence");
    let ann = server.client().subscribed_to(&other, "ann");
    let mut bob = server.client();
    bob.subscribe(&canonical, "bob");
    let joined = bob.received();
    assert_eq!(
        (&joined[0]["channel"], &joined[0]["data"]["presence"]["ids"]),
        (&json!(canonical), &json!(["ann", "bob"]))
    );
    drop(bob);
    let received = ann.received();
    assert_eq!(received.len(), 2);
    assert!(
        received.iter().all(|frame| frame["channel"] == other.as_str()),
        "{received:?}"
    );
}

#[tokio::test]
async fn a_long_user_id_is_represented_by_its_digest() {
    let server = TestServer::new();
    let id = "|".repeat(255);
    let own = format!("private-user-{}", user(&id).to_channel_segment());
    let mut client = server.client().subscribed_to(&own, &id);
    assert!(server.channels.online(&[user(&id)]).await.unwrap()[&user(&id)]);
    client.subscribe(PRESENCE, &id);
    let joined = client.received();
    assert_eq!(
        joined[0]["data"]["presence"]["ids"],
        json!([user(&id).to_protocol_id()])
    );
    server.channels.revoke(&user(&id), &name(PRESENCE)).await.unwrap();
    assert_eq!(client.received_events(), ["pusher:subscription_error"]);
}
