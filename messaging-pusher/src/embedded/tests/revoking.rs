//! The end of access.

use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_revoked_user_hears_that_and_nothing_more() {
    let world = World::new();
    let ann = world
        .page()
        .now_in(PRIVATE, "ann")
        .now_in("private-user-ann", "ann");
    let ann_too = world.page().now_in(PRIVATE, "ann");
    let bob = world.page().now_in(PRIVATE, "bob");
    world.channels.revoke(&user("ann"), &name(PRIVATE)).await.unwrap();
    world
        .channels
        .publish(&[event(PRIVATE, "{}"), event("private-user-ann", "{}")])
        .await
        .unwrap();
    let revoked = json!({
        "event": "pusher:subscription_error",
        "channel": PRIVATE,
        "data": { "type": "AuthError", "error": "Access to the channel has ended", "status": 403 },
    });
    let heard = ann.hears();
    assert_eq!((heard.len(), &heard[0]), (2, &revoked));
    assert_eq!(heard[1]["channel"], "private-user-ann");
    assert_eq!(ann_too.hears(), [revoked]);
    assert_eq!(bob.hears_events(), ["new-message"]);
}

#[tokio::test]
async fn the_others_see_a_revoked_member_go() {
    let world = World::new();
    let bob = world.page().now_in(PRESENCE, "bob");
    let _ann = world.page().now_in(PRESENCE, "ann");
    world
        .channels
        .revoke(&user("ann"), &name(PRESENCE))
        .await
        .unwrap();
    assert_eq!(
        bob.hears_events(),
        ["pusher_internal:member_added", "pusher_internal:member_removed"]
    );
}

#[tokio::test]
async fn a_member_whom_the_host_signed_itself_is_known_by_their_data() {
    let world = World::new();
    let mut ann = world.page();
    let auth = World::new().signs(&ann, "presence-room", "ann");
    ann.subscribes_with("presence-room", &auth);
    world
        .channels
        .revoke(&user("ann"), &name("presence-room"))
        .await
        .unwrap();
    assert_eq!(world.occupied(), [""; 0]);
}

#[tokio::test]
async fn a_signature_from_before_is_worth_nothing_and_a_new_one_is() {
    let world = World::new();
    let mut subscribed = world.page();
    let mut about_to = world.page();
    let auths = [&subscribed, &about_to].map(|page| world.signs(page, PRIVATE, "ann"));
    subscribed.subscribes_with(PRIVATE, &auths[0]);
    world.channels.revoke(&user("ann"), &name(PRIVATE)).await.unwrap();
    subscribed.hears();

    for (page, auth) in [&mut subscribed, &mut about_to].into_iter().zip(&auths) {
        page.unsubscribes(PRIVATE);
        page.subscribes_with(PRIVATE, auth);
        let heard = page.hears();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0]["data"]["status"], 401);
    }
    subscribed.now_in(PRIVATE, "ann");
}

#[tokio::test]
async fn another_user_of_the_same_connection_keeps_their_subscription() {
    let world = World::new();
    let page = world.page().now_in(PRIVATE, "ann");
    world.signs(&page, PRIVATE, "bob");
    world.channels.revoke(&user("bob"), &name(PRIVATE)).await.unwrap();
    assert_eq!(world.occupied(), [PRIVATE]);
}

#[tokio::test]
async fn a_later_signature_for_another_user_does_not_hide_whose_subscription_it_is() {
    let world = World::new();
    let mut page = world.page().now_in(PRIVATE, "ann");
    let bobs = world.signs(&page, PRIVATE, "bob");
    world.channels.revoke(&user("ann"), &name(PRIVATE)).await.unwrap();
    assert_eq!(world.occupied(), [""; 0]);
    page.hears();
    page.subscribes_with(PRIVATE, &bobs);
    assert_eq!(page.hears_events(), ["pusher_internal:subscription_succeeded"]);
    world.channels.revoke(&user("bob"), &name(PRIVATE)).await.unwrap();
    assert_eq!(world.occupied(), [""; 0]);
}

#[tokio::test]
async fn what_was_signed_for_two_users_beforehand_ends_with_the_access_of_either() {
    for revoked in ["ann", "bob"] {
        let world = World::new();
        let mut page = world.page();
        world.signs(&page, PRIVATE, "ann");
        let auth = world.signs(&page, PRIVATE, "bob");
        page.subscribes_with(PRIVATE, &auth);
        assert_eq!(world.occupied(), [PRIVATE]);
        world
            .channels
            .revoke(&user(revoked), &name(PRIVATE))
            .await
            .unwrap();
        assert_eq!(world.occupied(), [""; 0], "{revoked}");
    }
}

#[tokio::test]
async fn a_signature_that_was_never_used_is_revoked_with_the_others() {
    let world = World::new();
    let mut page = world.page();
    let auth = world.signs(&page, PRIVATE, "ann");
    world.signs(&page, PRIVATE, "bob");
    for revoked in ["ann", "bob"] {
        world
            .channels
            .revoke(&user(revoked), &name(PRIVATE))
            .await
            .unwrap();
    }
    page.subscribes_with(PRIVATE, &auth);
    assert_eq!(page.hears()[0]["data"]["status"], 401);
    world.channels.server.hub().assert_consistent();
}

#[tokio::test]
async fn a_revoked_page_cannot_speak_on_the_channel() {
    let world = World::permissive();
    let mut ann = world.page().now_in(PRIVATE, "ann");
    let bob = world.page().now_in(PRIVATE, "bob");
    world.channels.revoke(&user("ann"), &name(PRIVATE)).await.unwrap();
    ann.says(&json!({ "event": "client-typing", "channel": PRIVATE, "data": {} }));
    assert_eq!(bob.hears_events(), [""; 0]);
}

#[tokio::test]
async fn a_subscription_that_the_host_signed_itself_ends_with_the_access_of_who_has_signed_in() {
    let world = World::new();
    let mut ann = world.page();
    let auth = World::new().signs(&ann, "private-orders", "ann");
    ann.subscribes_with("private-orders", &auth);
    ann.signs_in(&world.signs_in(&ann, "ann"));
    ann.hears();
    for (whose, heard) in [("bob", &[][..]), ("ann", &["pusher:subscription_error"])] {
        let revoked = world.channels.revoke(&user(whose), &name("private-orders")).await;
        revoked.unwrap();
        assert_eq!(ann.hears_events(), heard, "{whose}");
    }
    assert_eq!(world.occupied(), [""; 0]);
}
