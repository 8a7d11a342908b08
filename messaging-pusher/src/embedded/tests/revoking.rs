//! Revoking access.

use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_revoked_user_receives_the_revocation_and_no_further_event() {
    let server = TestServer::new();
    let ann = server
        .client()
        .subscribed_to(PRIVATE, "ann")
        .subscribed_to("private-user-ann", "ann");
    let ann_too = server.client().subscribed_to(PRIVATE, "ann");
    let bob = server.client().subscribed_to(PRIVATE, "bob");
    server
        .channels
        .revoke(&user("ann"), &name(PRIVATE))
        .await
        .unwrap();
    server
        .channels
        .publish(&[event(PRIVATE, "{}"), event("private-user-ann", "{}")])
        .await
        .unwrap();
    let revoked = json!({
        "event": "pusher:subscription_error",
        "channel": PRIVATE,
        "data": { "type": "AuthError", "error": "Access to the channel has ended", "status": 403 },
    });
    let received = ann.received();
    assert_eq!((received.len(), &received[0]), (2, &revoked));
    assert_eq!(received[1]["channel"], "private-user-ann");
    assert_eq!(ann_too.received(), [revoked]);
    assert_eq!(bob.received_events(), ["new-message"]);
}

#[tokio::test]
async fn a_revoked_member_is_removed_from_the_presence_channel() {
    let server = TestServer::new();
    let bob = server.client().subscribed_to(PRESENCE, "bob");
    let _ann = server.client().subscribed_to(PRESENCE, "ann");
    server
        .channels
        .revoke(&user("ann"), &name(PRESENCE))
        .await
        .unwrap();
    assert_eq!(
        bob.received_events(),
        ["pusher_internal:member_added", "pusher_internal:member_removed"]
    );
}

#[tokio::test]
async fn revoking_also_ends_presence_subscriptions_that_the_host_signed() {
    let server = TestServer::new();
    let mut ann = server.client();
    let auth = TestServer::new().sign(&ann, "presence-room", "ann");
    ann.subscribe_with("presence-room", &auth);
    server
        .channels
        .revoke(&user("ann"), &name("presence-room"))
        .await
        .unwrap();
    assert_eq!(server.occupied(), [""; 0]);
}

#[tokio::test]
async fn after_a_revocation_old_signatures_are_invalid_and_new_ones_are_valid() {
    let server = TestServer::new();
    let mut subscribed = server.client();
    let mut about_to = server.client();
    let auths = [&subscribed, &about_to].map(|client| server.sign(client, PRIVATE, "ann"));
    subscribed.subscribe_with(PRIVATE, &auths[0]);
    server
        .channels
        .revoke(&user("ann"), &name(PRIVATE))
        .await
        .unwrap();
    subscribed.received();

    for (client, auth) in [&mut subscribed, &mut about_to].into_iter().zip(&auths) {
        client.unsubscribe(PRIVATE);
        client.subscribe_with(PRIVATE, auth);
        let received = client.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0]["data"]["status"], 401);
    }
    subscribed.subscribed_to(PRIVATE, "ann");
}

#[tokio::test]
async fn revoking_one_user_keeps_the_subscription_of_another_on_the_same_connection() {
    let server = TestServer::new();
    let client = server.client().subscribed_to(PRIVATE, "ann");
    server.sign(&client, PRIVATE, "bob");
    server
        .channels
        .revoke(&user("bob"), &name(PRIVATE))
        .await
        .unwrap();
    assert_eq!(server.occupied(), [PRIVATE]);
}

#[tokio::test]
async fn a_later_signature_for_another_user_does_not_change_the_owner_of_a_subscription() {
    let server = TestServer::new();
    let mut client = server.client().subscribed_to(PRIVATE, "ann");
    let auth_of_bob = server.sign(&client, PRIVATE, "bob");
    server
        .channels
        .revoke(&user("ann"), &name(PRIVATE))
        .await
        .unwrap();
    assert_eq!(server.occupied(), [""; 0]);
    client.received();
    client.subscribe_with(PRIVATE, &auth_of_bob);
    assert_eq!(
        client.received_events(),
        ["pusher_internal:subscription_succeeded"]
    );
    server
        .channels
        .revoke(&user("bob"), &name(PRIVATE))
        .await
        .unwrap();
    assert_eq!(server.occupied(), [""; 0]);
}

#[tokio::test]
async fn a_subscription_signed_for_two_users_ends_when_either_loses_access() {
    for revoked in ["ann", "bob"] {
        let server = TestServer::new();
        let mut client = server.client();
        server.sign(&client, PRIVATE, "ann");
        let auth = server.sign(&client, PRIVATE, "bob");
        client.subscribe_with(PRIVATE, &auth);
        assert_eq!(server.occupied(), [PRIVATE]);
        server
            .channels
            .revoke(&user(revoked), &name(PRIVATE))
            .await
            .unwrap();
        assert_eq!(server.occupied(), [""; 0], "{revoked}");
    }
}

#[tokio::test]
async fn unused_signatures_are_revoked_too() {
    let server = TestServer::new();
    let mut client = server.client();
    let auth = server.sign(&client, PRIVATE, "ann");
    server.sign(&client, PRIVATE, "bob");
    for revoked in ["ann", "bob"] {
        server
            .channels
            .revoke(&user(revoked), &name(PRIVATE))
            .await
            .unwrap();
    }
    client.subscribe_with(PRIVATE, &auth);
    assert_eq!(client.received()[0]["data"]["status"], 401);
    server.channels.server.hub().assert_consistent();
}

#[tokio::test]
async fn a_revoked_client_cannot_send_client_events() {
    let server = TestServer::permissive();
    let mut ann = server.client().subscribed_to(PRIVATE, "ann");
    let bob = server.client().subscribed_to(PRIVATE, "bob");
    server
        .channels
        .revoke(&user("ann"), &name(PRIVATE))
        .await
        .unwrap();
    ann.send(&json!({ "event": "client-typing", "channel": PRIVATE, "data": {} }));
    assert_eq!(bob.received_events(), [""; 0]);
}

#[tokio::test]
async fn revoking_ends_a_host_signed_subscription_of_the_signed_in_user() {
    let server = TestServer::new();
    let mut ann = server.client();
    let auth = TestServer::new().sign(&ann, "private-orders", "ann");
    ann.subscribe_with("private-orders", &auth);
    ann.sign_in(&server.sign_in(&ann, "ann"));
    ann.received();
    for (user_id, received) in [("bob", &[][..]), ("ann", &["pusher:subscription_error"])] {
        let revoked = server
            .channels
            .revoke(&user(user_id), &name("private-orders"))
            .await;
        revoked.unwrap();
        assert_eq!(ann.received_events(), received, "{user_id}");
    }
    assert_eq!(server.occupied(), [""; 0]);
}
