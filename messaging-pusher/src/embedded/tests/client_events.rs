//! What pages say to each other.

use std::time::Duration;

use serde_json::json;

use super::*;

fn typing(channel: &str) -> Value {
    json!({ "event": "client-typing", "channel": channel, "data": { "on": true } })
}

#[test]
fn the_other_subscribers_of_a_private_channel_hear_it() {
    let world = World::permissive();
    let mut ann = world.page().now_in(PRIVATE, "ann");
    let bob = world.page().now_in(PRIVATE, "bob");
    ann.says(&typing(PRIVATE));
    assert_eq!(bob.hears(), [typing(PRIVATE)]);
    assert_eq!(ann.hears_events(), [""; 0]);
}

#[test]
fn in_a_presence_channel_they_hear_whose_it_is() {
    let world = World::permissive();
    let bob = world.page().now_in(PRESENCE, "bob");
    let mut ann = world.page().now_in(PRESENCE, "ann");
    ann.says(&typing(PRESENCE));
    let mut heard = typing(PRESENCE);
    heard["user_id"] = json!("ann");
    assert_eq!(bob.hears()[1], heard);
}

#[test]
fn a_client_event_needs_a_subscription_to_a_signed_channel() {
    let world = World::permissive();
    let mut page = world.page().now_in("news", "");
    let _bob = world.page().now_in(PRIVATE, "bob");
    let mut check = |channel: &str, message: &str| {
        page.says(&typing(channel));
        let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
        assert_eq!(page.hears(), [error], "{channel}");
    };
    check("news", "client events are for private and presence channels only");
    check(PRIVATE, "client events need a subscription to the channel");
    check("a b", "client events need a subscription to the channel");
}

/// Whether the other subscriber of a channel hears a client event; where not, the page is told.
fn is_relayed(client_events: ClientEvents, channel: &str) -> bool {
    let world = World::with(EmbeddedOptions::default().with_client_events(client_events));
    let bob = world.page().now_in(channel, "bob");
    let mut ann = world.page().now_in(channel, "ann");
    bob.hears();
    let mut event = typing(channel);
    event["data"] = json!("x".repeat(10_000));
    ann.says(&event);
    let is_relayed = bob.hears_events() == ["client-typing"];
    let message = "client events are not enabled on this channel";
    let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
    let told = if is_relayed { vec![] } else { vec![error] };
    assert_eq!(ann.hears(), told, "{channel}");
    is_relayed
}

#[test]
fn client_events_are_relayed_on_the_channels_they_are_enabled_on() {
    let ours = [PRIVATE, PRESENCE, "private-user-ann"];
    let hosts = ["private-orders-1", "presence-orders-1"];
    let check = |client_events, on_ours, on_hosts| {
        for channel in ours {
            assert_eq!(is_relayed(client_events, channel), on_ours, "{channel}");
        }
        for channel in hosts {
            assert_eq!(is_relayed(client_events, channel), on_hosts, "{channel}");
        }
    };
    check(ClientEvents::default(), false, true);
    check(ClientEvents::Off, false, false);
    check(ClientEvents::AllChannels, true, true);
}

#[test]
fn more_than_ten_a_second_are_dropped() {
    let world = World::permissive();
    let mut ann = world.page().now_in(PRIVATE, "ann");
    let bob = world.page().now_in(PRIVATE, "bob");
    for _ in 0..12 {
        ann.says(&typing(PRIVATE));
    }
    assert_eq!(bob.hears().len(), 10);
    let refused = ann.hears();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["data"]["code"], 4301);
    world.clock.advance(Duration::from_secs(1));
    ann.says(&typing(PRIVATE));
    assert_eq!(bob.hears(), [typing(PRIVATE)]);
}
