//! Who sees whom come and go.

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
fn who_joins_learns_who_is_here_and_the_others_learn_who_joined() {
    let world = World::new();
    let bob = world.page().now_in(PRESENCE, "bob");
    let mut ann = world.page();
    ann.subscribes(PRESENCE, "ann");
    let presence = json!({
        "count": 2,
        "ids": ["ann", "bob"],
        "hash": { "ann": { "name": "ANN" }, "bob": { "name": "BOB" } },
    });
    assert_eq!(
        ann.hears(),
        [json!({
            "event": "pusher_internal:subscription_succeeded",
            "channel": PRESENCE,
            "data": { "presence": presence },
        })]
    );
    assert_eq!(bob.hears(), [added("ann")]);
    ann.unsubscribes(PRESENCE);
    assert_eq!(bob.hears(), [removed("ann")]);
    assert_eq!(ann.hears_events(), [""; 0]);
}

#[test]
fn a_users_further_connections_come_and_go_unnoticed() {
    let world = World::new();
    let bob = world.page().now_in(PRESENCE, "bob");
    let ann = world.page().now_in(PRESENCE, "ann");
    let ann_too = world.page().now_in(PRESENCE, "ann");
    assert_eq!(bob.hears(), [added("ann")]);
    drop(ann);
    assert_eq!(bob.hears_events(), [""; 0]);
    assert_eq!(ann_too.hears_events(), [""; 0]);
    drop(ann_too);
    assert_eq!(bob.hears(), [removed("ann")]);
}

#[test]
fn a_channel_holds_a_hundred_users() {
    let world = World::new();
    let _pages: Vec<_> = (0..100)
        .map(|i| world.page().now_in(PRESENCE, &i.to_string()))
        .collect();
    let mut one_more = world.page();
    one_more.subscribes(PRESENCE, "ann");
    assert_eq!(one_more.hears()[0]["data"]["type"], "LimitReached");
    one_more.subscribes(PRESENCE, "7");
    assert_eq!(one_more.hears()[0]["data"]["presence"]["count"], 100);
}

#[tokio::test]
async fn a_user_is_online_while_subscribed_to_their_channel() {
    let names = messaging_core::event::ChannelNames::with_prefix("test-").unwrap();
    let world = World::with(EmbeddedOptions::default().with_names(names));
    let ann = world.page().now_in("private-test-user-ann", "ann");
    let _bob = world.page().now_in("private-user-bob", "bob");
    let online = world.channels.online(&[user("ann"), user("bob")]).await.unwrap();
    assert!(online[&user("ann")] && !online[&user("bob")]);
    drop(ann);
    assert!(!world.channels.online(&[user("ann")]).await.unwrap()[&user("ann")]);
}

#[test]
fn a_member_of_a_channel_of_ours_is_who_it_was_signed_for_here() {
    let world = World::new();
    let mut page = world.page();
    // The same secret, another signer.
    let anns = World::new().signs(&page, PRESENCE, "ann");
    world.signs(&page, PRESENCE, "bob");
    page.subscribes_with(PRESENCE, &anns);
    assert_eq!(page.hears()[0]["data"]["status"], 401);
    assert_eq!(world.occupied(), [""; 0]);
    page.now_in(PRESENCE, "ann");
}

#[test]
fn whatever_a_member_is_called_what_was_signed_is_accepted() {
    let world = World::new();
    for part in ["x", "é", "🦀", "\"", "\n", "\u{1}"] {
        let mut page = world.page();
        let subscription = Subscription {
            socket_id: page.socket_id(),
            channel: name(PRESENCE),
            member: Member {
                user_id: user("ann"),
                name: part.repeat(5_000),
            },
        };
        let auth = world.channels.sign(&subscription).unwrap();
        page.subscribes_with(PRESENCE, &auth);
        assert_eq!(
            page.hears_events(),
            ["pusher_internal:subscription_succeeded"],
            "{part:?}"
        );
    }
}
