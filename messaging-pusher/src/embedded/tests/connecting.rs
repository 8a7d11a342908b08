//! Coming, staying and being sent away.

use serde_json::json;

use super::*;
use crate::embedded::close::Close;

#[test]
fn a_connection_is_told_its_id_and_the_activity_timeout() {
    let page = World::new().visitor();
    let socket_id = page.socket_id();
    assert_eq!(
        page.hears(),
        [json!({
            "event": "pusher:connection_established",
            "data": { "socket_id": socket_id.as_str(), "activity_timeout": 120 },
        })]
    );
}

#[test]
fn who_is_not_admitted_is_told_why() {
    let world = World::new();
    let session = Session::open(
        world.channels.server.clone(),
        world.channels.new_socket_id(),
        Err(Close::UnknownApp),
    );
    let queue = &session.membership().queue;
    let Some(Outgoing::Frame(frame)) = queue.try_next() else {
        panic!("no error");
    };
    assert_eq!(
        read(frame.as_str()),
        json!({ "event": "pusher:error", "data": { "code": 4001, "message": "No app has this key" } })
    );
    assert_eq!(queue.try_next(), Some(Outgoing::Close(Close::UnknownApp)));
    assert_eq!(world.channels.connection_count(), 0);
}

#[test]
fn one_connection_too_many_is_sent_away_until_another_ends() {
    let world = World::with(EmbeddedOptions::default().with_max_connections(1));
    let first = world.page();
    let second = world.visitor();
    assert_eq!(
        second.hears(),
        [
            json!({ "event": "pusher:error", "data": { "code": 4100, "message": "Over capacity" } }),
            json!(4100)
        ]
    );
    drop(first);
    world.page();
}

#[test]
fn a_ping_is_answered() {
    let mut page = World::new().page();
    page.says(r#"{"event":"pusher:ping","data":{}}"#);
    page.says(r#"{"event":"pusher:pong","data":{}}"#);
    assert_eq!(page.hears(), [json!({ "event": "pusher:pong", "data": {} })]);
}

#[test]
fn garbage_is_answered_and_does_no_harm() {
    let mut page = World::with(EmbeddedOptions::default().with_max_message_bytes(4096)).page();
    let mut check = |text: &str, message: &str| {
        page.says(text);
        let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
        assert_eq!(page.hears(), [error], "{text}");
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
    page.session.receive_binary();
    assert_eq!(
        page.hears()[0]["data"]["message"],
        "binary messages are not supported"
    );
    page.says(r#"{"event":"pusher:of_tomorrow"}"#);
    assert_eq!(page.hears_events(), [""; 0]);
}

#[test]
fn a_connection_signs_in_once_with_what_was_signed_for_it() {
    let world = World::new();
    let mut page = world.page();
    let auth = world.signs_in(&page, "ann");
    page.signs_in(&auth);
    let success = json!({ "event": "pusher:signin_success", "data": { "user_data": r#"{"id":"ann"}"# } });
    assert_eq!(page.hears(), [success]);
    // As pusher-js does next.
    page.says(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-ann"}}"##);
    let subscribed = json!({
        "event": "pusher_internal:subscription_succeeded", "channel": "#server-to-user-ann", "data": {},
    });
    assert_eq!(page.hears(), [subscribed]);
    page.says(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-bob"}}"##);
    assert_eq!(
        page.hears()[0]["data"]["message"],
        "this connection has not signed in as this user"
    );
    page.signs_in(&auth);
    assert_eq!(
        page.hears()[0]["data"]["message"],
        "the connection has signed in already"
    );
}

#[test]
fn a_wrong_signature_signs_nobody_in_and_ends_nothing() {
    let world = World::new();
    let mut page = world.page();
    let [of_another, right] = [world.page(), world.page()].map(|other| world.signs_in(&other, "ann"));
    let changed = UserAuth {
        user_data: r#"{"id":"bob"}"#.to_owned(),
        ..world.signs_in(&page, "ann")
    };
    let made_up = UserAuth {
        auth: "local:00".to_owned(),
        ..right
    };
    // A signature for a channel is none for a user.
    let private = world.signs(&page, PRIVATE, "ann");
    let of_channel = UserAuth {
        auth: private.auth,
        ..changed.clone()
    };
    for wrong in [of_another, changed, made_up, of_channel] {
        page.signs_in(&wrong);
        let error = json!({ "code": 4009, "message": "Invalid signature, or no user" });
        assert_eq!(page.hears(), [json!({ "event": "pusher:error", "data": error })]);
    }
    assert!(!page.membership.queue.is_closed());
    page.says(r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-ann"}}"##);
    assert_eq!(page.hears_events(), ["pusher:error"]);
}

#[test]
fn a_closed_server_closes_everything_and_lets_nobody_in() {
    let world = World::new();
    let page = world.page();
    world.channels.server.hub().close_all();
    assert_eq!(page.hears_events(), ["pusher:error", "4200"]);
    assert_eq!(world.visitor().hears_events(), ["pusher:error", "4100"]);
}

#[test]
fn a_connection_that_is_being_closed_is_not_listened_to() {
    let world = World::new();
    let mut page = world.page();
    page.membership.queue.close(Close::NoPong);
    page.subscribes(PRIVATE, "ann");
    assert_eq!(world.occupied(), [""; 0]);
}
