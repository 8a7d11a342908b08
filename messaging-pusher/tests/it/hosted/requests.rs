//! Requests to the HTTP API.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use messaging_core::{
    event::SocketId,
    transport::TransportErrorKind::Refused,
    transport::realtime::{Limits, Realtime as _},
};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{
    fault_server::Request,
    hosted::{Fixture, KEY, SECRET, event, kind, user},
};

/// Recomputes the signature of a received request.
fn assert_is_signed(request: &Request) {
    let (path, query) = request.target.split_once('?').unwrap();
    let (query, signature) = query.split_once("&auth_signature=").unwrap();
    let md5 = hex::encode(Md5::digest(&request.body));
    // 2026-01-01T00:00:00Z, the time of the manual clock.
    let mut expected = format!("auth_key={KEY}&auth_timestamp=1767225600&auth_version=1.0");
    if request.method == "POST" {
        expected = format!("{expected}&body_md5={md5}");
    }
    assert_eq!(query, expected);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}\n{path}\n{query}", request.method).as_bytes());
    assert_eq!(signature, hex::encode(mac.finalize().into_bytes()));
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

#[tokio::test]
async fn one_event_is_one_signed_call() {
    let fixture = Fixture::open().await;
    let mut one = event(r#"{"text":"Zoë"}"#);
    one.except = Some(SocketId::parse("1.2").unwrap());
    fixture.pusher.publish(std::slice::from_ref(&one)).await.unwrap();
    let [request] = &fixture.server.requests()[..] else {
        panic!()
    };
    assert_is_signed(request);
    assert!(request.target.starts_with("/apps/3/events?"));
    assert!(
        request
            .headers
            .contains(&("content-type".to_owned(), "application/json".to_owned()))
    );
    let expected = json!({
        "name": "new-message", "channels": ["private-user-carl"], "data": r#"{"text":"Zoë"}"#, "socket_id": "1.2",
    });
    assert_eq!(body(request), expected);
}

#[tokio::test]
async fn a_batch_is_one_call_in_order() {
    let fixture = Fixture::open().await;
    let events: Vec<_> = (0..10).map(|n| event(format!("{n}"))).collect();
    fixture.pusher.publish(&events).await.unwrap();
    let [request] = &fixture.server.requests()[..] else {
        panic!()
    };
    assert_is_signed(request);
    assert!(request.target.starts_with("/apps/3/batch_events?"));
    let expected: Vec<_> = (0..10)
        .map(|n| json!({ "name": "new-message", "channel": "private-user-carl", "data": n.to_string() }))
        .collect();
    assert_eq!(body(request), json!({ "batch": expected }));
}

#[tokio::test]
async fn connections_are_reused() {
    let fixture = Fixture::open().await;
    for _ in 0..20 {
        fixture.pusher.publish(&[event("{}")]).await.unwrap();
    }
    assert_eq!(
        (fixture.server.requests().len(), fixture.server.connections()),
        (20, 1)
    );
}

#[tokio::test]
async fn the_limit_counts_the_bytes_of_the_data_alone() {
    let fixture = Fixture::open().await;
    assert_eq!(
        fixture.pusher.limits(),
        Limits {
            events_per_call: 10,
            data_bytes: 10_240
        }
    );
    let full = "é".repeat(5_120);
    fixture.pusher.publish(&[event(full.clone())]).await.unwrap();
    let quotes = "\"".repeat(10_240);
    fixture.pusher.publish(&[event(quotes)]).await.unwrap();
    let calls = fixture.server.requests().len();
    let over = [
        vec![event(format!("{full}x"))],
        vec![event("{}"), event("x".repeat(10_241))],
        vec![event("{}"); 11],
    ];
    for batch in over {
        assert_eq!(kind(fixture.pusher.publish(&batch).await), Some(Refused));
    }
    assert_eq!(fixture.server.requests().len(), calls, "no call is made");
}

#[tokio::test]
async fn revoking_ends_the_connections_of_the_user() {
    let fixture = Fixture::open().await;
    let channel = event("").channel;
    fixture.pusher.revoke(&user("a/b|c"), &channel).await.unwrap();
    let [request] = &fixture.server.requests()[..] else {
        panic!()
    };
    assert_is_signed(request);
    assert!(
        request
            .target
            .starts_with("/apps/3/users/a%2Fb%7Cc/terminate_connections?")
    );
}

#[tokio::test]
async fn debug_output_hides_the_secret() {
    let fixture = Fixture::open().await;
    assert!(!format!("{:?} {:#?}", fixture.pusher, fixture.pusher.config()).contains(SECRET));
}
