//! Client events.

use std::time::Duration;

use serde_json::json;

use super::*;

fn typing(channel: &str) -> Value {
    json!({ "event": "client-typing", "channel": channel, "data": { "on": true } })
}

#[test]
fn a_client_event_reaches_the_other_subscribers_of_a_private_channel() {
    let server = TestServer::permissive();
    let mut ann = server.client().subscribed_to(PRIVATE, "ann");
    let bob = server.client().subscribed_to(PRIVATE, "bob");
    ann.send(&typing(PRIVATE));
    assert_eq!(bob.received(), [typing(PRIVATE)]);
    assert_eq!(ann.received_events(), [""; 0]);
}

#[test]
fn in_a_presence_channel_a_client_event_names_its_sender() {
    let server = TestServer::permissive();
    let bob = server.client().subscribed_to(PRESENCE, "bob");
    let mut ann = server.client().subscribed_to(PRESENCE, "ann");
    ann.send(&typing(PRESENCE));
    let mut received = typing(PRESENCE);
    received["user_id"] = json!("ann");
    assert_eq!(bob.received()[1], received);
}

#[test]
fn a_client_event_needs_a_subscription_to_a_signed_channel() {
    let server = TestServer::permissive();
    let mut client = server.client().subscribed_to("news", "");
    let _bob = server.client().subscribed_to(PRIVATE, "bob");
    let mut check = |channel: &str, message: &str| {
        client.send(&typing(channel));
        let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
        assert_eq!(client.received(), [error], "{channel}");
    };
    check("news", "client events are for private and presence channels only");
    check(PRIVATE, "client events need a subscription to the channel");
    check("a b", "client events need a subscription to the channel");
}

/// Whether the other subscriber of a channel receives a client event. If not, the sender receives an error.
fn is_relayed(client_events: ClientEvents, channel: &str) -> bool {
    let server = TestServer::with(EmbeddedOptions::default().with_client_events(client_events));
    let bob = server.client().subscribed_to(channel, "bob");
    let mut ann = server.client().subscribed_to(channel, "ann");
    bob.received();
    let mut event = typing(channel);
    event["data"] = json!("x".repeat(10_000));
    ann.send(&event);
    let is_relayed = bob.received_events() == ["client-typing"];
    let message = "client events are not enabled on this channel";
    let error = json!({ "event": "pusher:error", "data": { "code": null, "message": message } });
    let expected = if is_relayed { vec![] } else { vec![error] };
    assert_eq!(ann.received(), expected, "{channel}");
    is_relayed
}

#[test]
fn client_events_are_relayed_on_enabled_channels_only() {
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
fn client_events_above_ten_a_second_are_dropped() {
    let server = TestServer::permissive();
    let mut ann = server.client().subscribed_to(PRIVATE, "ann");
    let bob = server.client().subscribed_to(PRIVATE, "bob");
    for _ in 0..12 {
        ann.send(&typing(PRIVATE));
    }
    assert_eq!(bob.received().len(), 10);
    let refused = ann.received();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["data"]["code"], 4301);
    server.clock.advance(Duration::from_secs(1));
    ann.send(&typing(PRIVATE));
    assert_eq!(bob.received(), [typing(PRIVATE)]);
}
