//! Events from the host.

use messaging_core::transport::realtime::{PublishErrorKind, Realtime};
use serde_json::json;

use super::*;

#[tokio::test]
async fn subscribers_hear_events_in_order_and_others_do_not() {
    let world = World::new();
    let ann = world.page().now_in(PRIVATE, "ann");
    let bob = world.page().now_in("private-user-bob", "bob");
    let batch = [
        event(PRIVATE, r#"{"n":1}"#),
        event(PRIVATE, r#"{"n":2}"#),
        event("nobody", "{}"),
    ];
    world.channels.publish(&batch).await.unwrap();
    let said = |n| json!({ "event": "new-message", "channel": PRIVATE, "data": { "n": n } });
    assert_eq!(ann.hears(), [said(1), said(2)]);
    assert_eq!(bob.hears_events(), [""; 0]);
}

#[tokio::test]
async fn the_excluded_connection_hears_nothing() {
    let world = World::new();
    let ann = world.page().now_in(PRIVATE, "ann");
    let ann_too = world.page().now_in(PRIVATE, "ann");
    let except = Some(ann.socket_id());
    world
        .channels
        .publish(&[Event {
            except,
            ..event(PRIVATE, "{}")
        }])
        .await
        .unwrap();
    assert_eq!(ann.hears_events(), [""; 0]);
    assert_eq!(ann_too.hears_events(), ["new-message"]);
}

#[tokio::test]
async fn what_is_over_the_limits_is_refused_whole() {
    let world = World::permissive();
    let ann = world.page().now_in("news", "");
    let limits = world.channels.limits();
    let largest = event("news", &"x".repeat(limits.data_bytes));
    let too_large = event("news", &"x".repeat(limits.data_bytes + 1));
    let batch = [largest.clone(), too_large];
    assert_eq!(
        world.channels.publish(&batch).await.unwrap_err().kind(),
        PublishErrorKind::Refused
    );
    let long = vec![event("news", ""); limits.events_per_call + 1];
    assert_eq!(
        world.channels.publish(&long).await.unwrap_err().kind(),
        PublishErrorKind::Refused
    );
    assert_eq!(ann.hears_events(), [""; 0]);
    world.channels.publish(&[largest]).await.unwrap();
    assert_eq!(ann.hears_events(), ["new-message"]);
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_nobody_else() {
    let world = World::with(permissive().with_queue_messages(10));
    let slow = world.page().now_in("news", "");
    let quick = world.page().now_in("news", "");
    for _ in 0..11 {
        world.channels.publish(&[event("news", "{}")]).await.unwrap();
        assert_eq!(quick.hears_events(), ["new-message"]);
    }
    assert_eq!(slow.hears_events(), ["pusher:error", "4200"]);
}
