//! Publishing events.

use messaging_core::{transport::TransportErrorKind, transport::realtime::Realtime};
use serde_json::json;

use super::*;

#[tokio::test]
async fn only_subscribers_receive_events_and_in_order() {
    let server = TestServer::new();
    let ann = server.client().subscribed_to(PRIVATE, "ann");
    let bob = server.client().subscribed_to("private-user-bob", "bob");
    let batch = [
        event(PRIVATE, r#"{"n":1}"#),
        event(PRIVATE, r#"{"n":2}"#),
        event("unoccupied", "{}"),
    ];
    server.channels.publish(&batch).await.unwrap();
    let expected = |n| json!({ "event": "new-message", "channel": PRIVATE, "data": { "n": n } });
    assert_eq!(ann.received(), [expected(1), expected(2)]);
    assert_eq!(bob.received_events(), [""; 0]);
}

#[tokio::test]
async fn the_excluded_connection_receives_nothing() {
    let server = TestServer::new();
    let ann = server.client().subscribed_to(PRIVATE, "ann");
    let ann_too = server.client().subscribed_to(PRIVATE, "ann");
    let except = Some(ann.socket_id());
    server
        .channels
        .publish(&[Event {
            except,
            ..event(PRIVATE, "{}")
        }])
        .await
        .unwrap();
    assert_eq!(ann.received_events(), [""; 0]);
    assert_eq!(ann_too.received_events(), ["new-message"]);
}

#[tokio::test]
async fn a_batch_above_a_limit_is_refused_as_a_whole() {
    let server = TestServer::permissive();
    let ann = server.client().subscribed_to("news", "");
    let limits = server.channels.limits();
    let largest = event("news", &"x".repeat(limits.data_bytes));
    let too_large = event("news", &"x".repeat(limits.data_bytes + 1));
    let batch = [largest.clone(), too_large];
    assert_eq!(
        server.channels.publish(&batch).await.unwrap_err().kind(),
        TransportErrorKind::Refused
    );
    let long = vec![event("news", ""); limits.events_per_call + 1];
    assert_eq!(
        server.channels.publish(&long).await.unwrap_err().kind(),
        TransportErrorKind::Refused
    );
    assert_eq!(ann.received_events(), [""; 0]);
    server.channels.publish(&[largest]).await.unwrap();
    assert_eq!(ann.received_events(), ["new-message"]);
}

#[tokio::test]
async fn only_the_connection_that_does_not_read_is_closed() {
    let server = TestServer::with(permissive().with_queue_messages(10));
    let slow = server.client().subscribed_to("news", "");
    let quick = server.client().subscribed_to("news", "");
    for _ in 0..11 {
        server.channels.publish(&[event("news", "{}")]).await.unwrap();
        assert_eq!(quick.received_events(), ["new-message"]);
    }
    assert_eq!(slow.received_events(), ["pusher:error", "4200"]);
}
