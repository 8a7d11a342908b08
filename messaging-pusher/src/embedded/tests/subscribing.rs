//! Subscriptions, granted and refused.

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
fn a_public_channel_is_refused_unless_the_host_turns_them_on() {
    let world = World::new();
    let mut page = world.page();
    page.subscribes("news", "");
    let message = "Public channels are not enabled";
    assert_eq!(page.hears(), [refused("news", "AuthError", message, 403)]);
    assert_eq!(world.occupied(), [""; 0]);
    // Nor may a name that only looks like one of ours.
    for channel in ["conversation-1", "Private-orders", "user-ann", "private"] {
        page.subscribes(channel, "");
        assert_eq!(page.hears(), [refused(channel, "AuthError", message, 403)]);
    }
    page.now_in("private-orders-1", "ann");
}

#[test]
fn anyone_may_subscribe_to_a_public_channel_that_is_turned_on() {
    let world = World::permissive();
    let mut page = world.page();
    page.subscribes("news", "");
    assert_eq!(
        page.hears(),
        [json!({ "event": "pusher_internal:subscription_succeeded", "channel": "news", "data": {} })]
    );
    assert_eq!(world.occupied(), ["news"]);
    page.unsubscribes("news");
    assert_eq!(world.occupied(), [""; 0]);
}

#[test]
fn a_private_channel_needs_a_signature() {
    let world = World::new();
    let mut page = world.page();
    page.says(&json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE, "auth": "local:00" } }));
    page.says(&json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE } }));
    let refusal = refused(PRIVATE, "AuthError", "Invalid signature", 401);
    assert_eq!(page.hears(), [refusal.clone(), refusal]);
    page.subscribes(PRIVATE, "ann");
    assert_eq!(page.hears_events(), ["pusher_internal:subscription_succeeded"]);
    assert_eq!(world.occupied(), [PRIVATE]);
}

#[test]
fn a_signature_holds_for_one_connection_and_one_channel() {
    let world = World::new();
    let (ann, mut eve) = (world.page(), world.page());
    let auth = world.signs(&ann, PRIVATE, "ann");
    eve.subscribes_with(PRIVATE, &auth);
    eve.subscribes_with("private-user-ann", &auth);
    for heard in eve.hears() {
        assert_eq!(heard["data"]["status"], 401);
    }
}

#[test]
fn a_channel_of_ours_must_have_been_signed_here() {
    let world = World::new();
    let mut page = world.page();
    // The same secret, another signer: a host's own endpoint, or this server before it was restarted.
    let elsewhere = World::new();
    let auth = elsewhere.signs(&page, PRIVATE, "ann");
    page.subscribes_with(PRIVATE, &auth);
    assert_eq!(
        page.hears(),
        [refused(
            PRIVATE,
            "AuthError",
            "Not authorised for this connection",
            401
        )]
    );
    let auth = elsewhere.signs(&page, "private-orders-1", "ann");
    page.subscribes_with("private-orders-1", &auth);
    assert_eq!(page.hears_events(), ["pusher_internal:subscription_succeeded"]);
}

#[test]
fn subscribing_twice_is_an_error_and_changes_nothing() {
    let world = World::new();
    let mut page = world.page().now_in(PRIVATE, "ann");
    page.subscribes(PRIVATE, "ann");
    let message = "existing subscription to the channel";
    assert_eq!(
        page.hears(),
        [json!({ "event": "pusher:error", "data": { "code": null, "message": message } })]
    );
    assert_eq!(world.occupied(), [PRIVATE]);
}

#[test]
fn unsubscribing_from_what_one_is_not_subscribed_to_does_nothing() {
    let world = World::new();
    let mut page = world.page();
    page.unsubscribes("news");
    page.unsubscribes("#");
    assert_eq!(page.hears_events(), [""; 0]);
}

#[test]
fn a_connection_has_only_so_many_channels() {
    let world = World::with(permissive().with_max_channels(2));
    let mut page = world.page().now_in("a", "").now_in("b", "");
    page.subscribes("c", "");
    let message = "The connection is subscribed to too many channels";
    assert_eq!(page.hears(), [refused("c", "LimitReached", message, 429)]);
    page.unsubscribes("a");
    page.now_in("c", "");
}

#[test]
fn a_channel_needs_a_proper_name() {
    let mut page = World::new().page();
    for bad in ["", "a b", "é", &"x".repeat(165), &"x".repeat(30_000)] {
        page.says(&json!({ "event": "pusher:subscribe", "data": { "channel": bad } }));
        // Without the name: it may be as long as a message, and anything.
        let error = json!({ "code": null, "message": "invalid channel name" });
        assert_eq!(
            page.hears(),
            [json!({ "event": "pusher:error", "data": error })],
            "{bad:.20}"
        );
    }
}

#[test]
fn who_keeps_trying_signatures_is_sent_away_for_good() {
    let mut page = World::new().page();
    for _ in 0..60 {
        page.says(
            &json!({ "event": "pusher:subscribe", "data": { "channel": PRIVATE, "auth": "local:00" } }),
        );
    }
    let heard = page.hears();
    assert_eq!(heard.len(), 52);
    assert_eq!(heard[50]["event"], "pusher:error");
    assert_eq!(heard[51], 4009);
}

#[test]
fn the_end_of_a_connection_ends_its_subscriptions() {
    let world = World::permissive();
    let page = world.page().now_in(PRIVATE, "ann").now_in("news", "");
    drop(page);
    assert_eq!(world.occupied(), [""; 0]);
    assert_eq!(world.channels.connection_count(), 0);
}
