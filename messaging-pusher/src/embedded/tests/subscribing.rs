//! Accepted and refused subscriptions.

use serde_json::json;

use super::*;

fn refused(channel: &str, r#type: &str, error: &str, status: u16) -> Value {
    json!({
        "event": "pusher:subscription_error",
        "channel": channel,
        "data": { "type": r#type, "error": error, "status": status },
    })
}

#[test]
fn public_channels_are_refused_by_default() {
    let server = TestServer::new();
    let mut client = server.client();
    client.subscribe("news", "");
    let message = "Public channels are not enabled";
    assert_eq!(client.received(), [refused("news", "AuthError", message, 403)]);
    assert_eq!(server.occupied(), [""; 0]);
    // Names that only resemble a signed channel are refused too.
    for channel in ["conversation-1", "Private-orders", "user-ann", "private"] {
        client.subscribe(channel, "");
        assert_eq!(client.received(), [refused(channel, "AuthError", message, 403)]);
    }
    client.subscribed_to("private-orders-1", "ann");
}

#[test]
fn enabled_public_channels_need_no_signature() {
    let server = TestServer::permissive();
    let mut client = server.client();
    client.subscribe("news", "");
    assert_eq!(
        client.received(),
        [json!({ "event": "pusher_internal:subscription_succeeded", "channel": "news", "data": {} })]
    );
    assert_eq!(server.occupied(), ["news"]);
    client.unsubscribe("news");
    assert_eq!(server.occupied(), [""; 0]);
}

#[test]
fn a_private_channel_needs_a_signature() {
    let server = TestServer::new();
    let mut client = server.client();
    client.send(&json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE, "auth": "local:00" } }));
    client.send(&json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE } }));
    let refusal = refused(PRIVATE, "AuthError", "Invalid signature", 401);
    assert_eq!(client.received(), [refusal.clone(), refusal]);
    client.subscribe(PRIVATE, "ann");
    assert_eq!(
        client.received_events(),
        ["pusher_internal:subscription_succeeded"]
    );
    assert_eq!(server.occupied(), [PRIVATE]);
}

#[test]
fn a_signature_is_valid_for_one_connection_and_one_channel() {
    let server = TestServer::new();
    let (ann, mut eve) = (server.client(), server.client());
    let auth = server.sign(&ann, PRIVATE, "ann");
    eve.subscribe_with(PRIVATE, &auth);
    eve.subscribe_with("private-user-ann", &auth);
    for received in eve.received() {
        assert_eq!(received["data"]["status"], 401);
    }
}

#[test]
fn a_conversation_channel_needs_a_signature_of_this_server() {
    let server = TestServer::new();
    let mut client = server.client();
    // Another signer with the same secret: the host's own endpoint, or this server before a restart.
    let elsewhere = TestServer::new();
    let auth = elsewhere.sign(&client, PRIVATE, "ann");
    client.subscribe_with(PRIVATE, &auth);
    assert_eq!(
        client.received(),
        [refused(
            PRIVATE,
            "AuthError",
            "Not authorised for this connection",
            401
        )]
    );
    let auth = elsewhere.sign(&client, "private-orders-1", "ann");
    client.subscribe_with("private-orders-1", &auth);
    assert_eq!(
        client.received_events(),
        ["pusher_internal:subscription_succeeded"]
    );
}

#[test]
fn subscribing_twice_is_an_error_and_changes_nothing() {
    let server = TestServer::new();
    let mut client = server.client().subscribed_to(PRIVATE, "ann");
    client.subscribe(PRIVATE, "ann");
    let message = "existing subscription to the channel";
    assert_eq!(
        client.received(),
        [json!({ "event": "pusher:error", "data": { "code": null, "message": message } })]
    );
    assert_eq!(server.occupied(), [PRIVATE]);
}

#[test]
fn unsubscribing_without_a_subscription_does_nothing() {
    let server = TestServer::new();
    let mut client = server.client();
    client.unsubscribe("news");
    client.unsubscribe("#");
    assert_eq!(client.received_events(), [""; 0]);
}

#[test]
fn the_number_of_subscriptions_of_a_connection_is_limited() {
    let server = TestServer::with(permissive().with_max_channels(2));
    let mut client = server.client().subscribed_to("a", "").subscribed_to("b", "");
    client.subscribe("c", "");
    let message = "The connection is subscribed to too many channels";
    assert_eq!(client.received(), [refused("c", "LimitReached", message, 429)]);
    client.unsubscribe("a");
    client.subscribed_to("c", "");
}

#[test]
fn an_invalid_channel_name_is_refused() {
    let mut client = TestServer::new().client();
    for bad in ["", "a b", "é", &"x".repeat(165), &"x".repeat(30_000)] {
        client.send(&json!({ "event": "pusher:subscribe", "data": { "channel": bad } }));
        // The name is not echoed: it may be as long as a message and contain anything.
        let error = json!({ "code": null, "message": "invalid channel name" });
        assert_eq!(
            client.received(),
            [json!({ "event": "pusher:error", "data": error })],
            "{bad:.20}"
        );
    }
}

#[test]
fn fifty_invalid_signatures_close_the_connection_for_good() {
    let mut client = TestServer::new().client();
    for _ in 0..60 {
        client.send(
            &json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE, "auth": "local:00" } }),
        );
    }
    let received = client.received();
    assert_eq!(received.len(), 52);
    assert_eq!(received[50]["event"], "pusher:error");
    assert_eq!(received[51], 4009);
}

#[test]
fn the_end_of_a_connection_ends_its_subscriptions() {
    let server = TestServer::permissive();
    let client = server
        .client()
        .subscribed_to(PRIVATE, "ann")
        .subscribed_to("news", "");
    drop(client);
    assert_eq!(server.occupied(), [""; 0]);
    assert_eq!(server.channels.connection_count(), 0);
}
