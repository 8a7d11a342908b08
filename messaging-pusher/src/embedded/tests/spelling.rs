//! A UUID in a channel's name, in the case that the client's library prefers.

use messaging_core::host::presence::Presence;
use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn channels(kind: &str) -> [String; 2] {
    [ID.to_owned(), ID.to_uppercase()].map(|id| format!("{kind}-conversation-{id}"))
}

#[tokio::test]
async fn both_spellings_are_one_channel_and_each_hears_its_own() {
    let world = World::permissive();
    let [canonical, other] = channels("private");
    let ann = world.page().now_in(&canonical, "ann");
    let mut bob = world.page();
    bob.subscribes(&other, "bob");
    let succeeded = "pusher_internal:subscription_succeeded";
    assert_eq!(
        bob.hears(),
        [json!({ "event": succeeded, "channel": other, "data": {} })]
    );
    assert_eq!(world.occupied(), [canonical.as_str()]);
    world
        .channels
        .publish(&[event(&canonical, r#"{"x":1}"#)])
        .await
        .unwrap();
    for (page, name) in [(&ann, &canonical), (&bob, &other)] {
        assert_eq!(
            page.hears(),
            [json!({ "event": "new-message", "channel": name, "data": { "x": 1 } })]
        );
    }
    bob.says(&json!({ "event": "client-x", "channel": other, "data": { "channel": canonical } }));
    assert_eq!(
        ann.hears(),
        [json!({ "event": "client-x", "channel": canonical, "data": { "channel": canonical } })]
    );
    bob.subscribes(&canonical, "bob");
    assert_eq!(
        bob.hears()[0]["data"]["message"],
        "existing subscription to the channel"
    );
    bob.unsubscribes(&canonical);
    world.channels.publish(&[event(&canonical, "{}")]).await.unwrap();
    assert_eq!(bob.hears_events(), [""; 0]);
}

#[test]
fn another_spelling_of_our_channel_is_no_channel_of_the_hosts() {
    let world = World::new();
    let [canonical, other] = channels("private");
    let bob = world.page().now_in(&canonical, "bob");
    let mut ann = world.page().now_in(&other, "ann");
    ann.says(&json!({ "event": "client-x", "channel": other, "data": {} }));
    assert_eq!(ann.hears_events(), ["pusher:error"]);
    assert_eq!(bob.hears_events(), [""; 0]);
}

#[tokio::test]
async fn access_ends_whatever_the_spelling() {
    for revoked in 0..2 {
        let world = World::new();
        let names = channels("private");
        let mut pages = names.clone().map(|name| world.page().now_in(&name, "ann"));
        world
            .channels
            .revoke(&user("ann"), &name(&names[revoked]))
            .await
            .unwrap();
        for (page, name) in pages.iter_mut().zip(&names) {
            let heard = page.hears();
            assert_eq!(heard.len(), 1);
            assert_eq!(
                (&heard[0]["event"], &heard[0]["channel"]),
                (&json!("pusher:subscription_error"), &json!(name))
            );
        }
        // What was signed before is worth nothing either.
        let mut page = world.page();
        let before = world.signs(&page, &names[0], "ann");
        world
            .channels
            .revoke(&user("ann"), &name(&names[1]))
            .await
            .unwrap();
        page.subscribes_with(&names[0], &before);
        assert_eq!(
            page.hears()[0]["data"]["error"],
            "Not authorised for this connection"
        );
    }
}

#[test]
fn members_see_each_other_whatever_the_spelling() {
    let world = World::new();
    let [canonical, other] = channels("presence");
    let ann = world.page().now_in(&other, "ann");
    let mut bob = world.page();
    bob.subscribes(&canonical, "bob");
    let here = bob.hears();
    assert_eq!(
        (&here[0]["channel"], &here[0]["data"]["presence"]["ids"]),
        (&json!(canonical), &json!(["ann", "bob"]))
    );
    drop(bob);
    let heard = ann.hears();
    assert_eq!(heard.len(), 2);
    assert!(
        heard.iter().all(|frame| frame["channel"] == other.as_str()),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_long_id_has_a_channel_and_is_a_member_by_its_digest() {
    let world = World::new();
    let id = "|".repeat(255);
    let own = format!("private-user-{}", user(&id).to_channel_segment());
    let mut page = world.page().now_in(&own, &id);
    assert!(world.channels.online(&[user(&id)]).await.unwrap()[&user(&id)]);
    page.subscribes(PRESENCE, &id);
    let here = page.hears();
    assert_eq!(
        here[0]["data"]["presence"]["ids"],
        json!([user(&id).to_protocol_id()])
    );
    world.channels.revoke(&user(&id), &name(PRESENCE)).await.unwrap();
    assert_eq!(page.hears_events(), ["pusher:subscription_error"]);
}
