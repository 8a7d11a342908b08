//! Opening and closing connections.

use serde_json::json;

use super::*;
use crate::embedded::close::Close;

#[test]
fn a_new_connection_receives_its_socket_id_and_the_activity_timeout() {
    let client = TestServer::new().connect();
    let socket_id = client.socket_id();
    assert_eq!(
        client.received(),
        [json!({
            "event": "pusher:connection_established",
            "data": { "socket_id": socket_id.as_str(), "activity_timeout": 120 },
        })]
    );
}

#[test]
fn a_refused_connection_receives_the_reason() {
    let server = TestServer::new();
    let session = Session::open(
        server.channels.server.clone(),
        server.channels.new_socket_id(),
        Err(Close::UnknownApp),
    );
    let queue = &session.registration().queue;
    let Some(Outgoing::Frame(frame)) = queue.try_next() else {
        panic!("no error");
    };
    assert_eq!(
        read(frame.as_str()),
        json!({ "event": "pusher:error", "data": { "code": 4001, "message": "No app has this key" } })
    );
    assert_eq!(queue.try_next(), Some(Outgoing::Close(Close::UnknownApp)));
    assert_eq!(server.channels.connection_count(), 0);
}

#[test]
fn a_connection_above_the_limit_is_refused_until_another_ends() {
    let server = TestServer::with(EmbeddedOptions::default().with_max_connections(1));
    let first = server.client();
    let second = server.connect();
    assert_eq!(
        second.received(),
        [
            json!({ "event": "pusher:error", "data": { "code": 4100, "message": "Over capacity" } }),
            json!(4100)
        ]
    );
    drop(first);
    server.client();
}

#[test]
fn a_ping_is_answered() {
    let mut client = TestServer::new().client();
    client.send(r#"{"event":"pusher:ping","data":{}}"#);
    client.send(r#"{"event":"pusher:pong","data":{}}"#);
    assert_eq!(client.received(), [json!({ "event": "pusher:pong", "data": {} })]);
}

#[test]
fn an_invalid_message_is_answered_with_an_error() {
    let mut client = TestServer::with(EmbeddedOptions::default().with_max_message_bytes(4096)).client();
    let mut check = |text: &str, message: &str| {
        client.send(text);
        let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
        assert_eq!(client.received(), [error], "{text}");
    };
    check("", "invalid JSON, or not an event");
    check(&"[".repeat(4096), "invalid JSON, or not an event");
    check(&"x".repeat(4097), "the message is too long");
    check(
        r#"{"event":"pusher:subscribe","data":[]}"#,
        "invalid data for this event",
    );
    check(
        r#"{"event":"new-message","channel":"a"}"#,
        "client events must begin with client-",
    );
    client.session.receive_binary();
    assert_eq!(
        client.received()[0]["data"]["message"],
        "binary messages are not supported"
    );
    client.send(r#"{"event":"pusher:of_tomorrow"}"#);
    assert_eq!(client.received_events(), [""; 0]);
}

#[test]
fn a_connection_signs_in_once_with_its_own_signature() {
    let server = TestServer::new();
    let mut client = server.client();
    let auth = server.sign_in(&client, "ann");
    client.sign_in(&auth);
    let success = json!({ "event": "pusher:signin_success", "data": { "user_data": r#"{"id":"ann"}"# } });
    assert_eq!(client.received(), [success]);
    // pusher-js subscribes to this channel next.
    client.send(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-ann"}}"##);
    let subscribed = json!({
        "event": "pusher_internal:subscription_succeeded", "channel": "#server-to-user-ann", "data": {},
    });
    assert_eq!(client.received(), [subscribed]);
    client.send(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-bob"}}"##);
    assert_eq!(
        client.received()[0]["data"]["message"],
        "this connection has not signed in as this user"
    );
    client.sign_in(&auth);
    assert_eq!(
        client.received()[0]["data"]["message"],
        "the connection has signed in already"
    );
}

#[test]
fn a_sign_in_with_a_wrong_signature_fails_and_keeps_the_connection() {
    let server = TestServer::new();
    let mut client = server.client();
    let [of_another, right] = [server.client(), server.client()].map(|other| server.sign_in(&other, "ann"));
    let changed = UserAuth {
        user_data: r#"{"id":"bob"}"#.to_owned(),
        ..server.sign_in(&client, "ann")
    };
    let made_up = UserAuth {
        auth: "local:00".to_owned(),
        ..right
    };
    // A channel's signature is not valid for a sign-in.
    let private = server.sign(&client, PRIVATE, "ann");
    let of_channel = UserAuth {
        auth: private.auth,
        ..changed.clone()
    };
    for wrong in [of_another, changed, made_up, of_channel] {
        client.sign_in(&wrong);
        let error = json!({ "code": 4009, "message": "Invalid signature, or no user" });
        assert_eq!(
            client.received(),
            [json!({ "event": "pusher:error", "data": error })]
        );
    }
    assert!(!client.registration.queue.is_closed());
    client.send(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-ann"}}"##);
    assert_eq!(client.received_events(), ["pusher:error"]);
}

#[test]
fn closing_the_server_closes_all_connections_and_refuses_new_ones() {
    let server = TestServer::new();
    let client = server.client();
    server.channels.server.hub().close_all();
    assert_eq!(client.received_events(), ["pusher:error", "4200"]);
    assert_eq!(server.connect().received_events(), ["pusher:error", "4100"]);
}

#[test]
fn messages_of_a_closing_connection_are_ignored() {
    let server = TestServer::new();
    let mut client = server.client();
    client.registration.queue.close(Close::NoPong);
    client.subscribe(PRIVATE, "ann");
    assert_eq!(server.occupied(), [""; 0]);
}
