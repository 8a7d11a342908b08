//! What is asked of the server.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use messaging_core::{
    event::SocketId,
    transport::realtime::{Limits, PublishErrorKind::Refused, Realtime as _},
};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{
    fault_server::Asked,
    hosted::{House, KEY, SECRET, event, kind, user},
};

/// Recomputes the signature of a request from what arrived.
fn assert_is_signed(asked: &Asked) {
    let (path, query) = asked.target.split_once('?').unwrap();
    let (query, signature) = query.split_once("&auth_signature=").unwrap();
    let md5 = hex::encode(Md5::digest(&asked.body));
    // 2026-01-01T00:00:00Z, where the clock of these tests stands.
    let mut expected = format!("auth_key={KEY}&auth_timestamp=1767225600&auth_version=1.0");
    if asked.method == "POST" {
        expected = format!("{expected}&body_md5={md5}");
    }
    assert_eq!(query, expected);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}\n{path}\n{query}", asked.method).as_bytes());
    assert_eq!(signature, hex::encode(mac.finalize().into_bytes()));
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

#[tokio::test]
async fn one_event_is_one_signed_call() {
    let house = House::open().await;
    let mut one = event(r#"{"text":"Zoë"}"#);
    one.except = Some(SocketId::parse("1.2").unwrap());
    house.pusher.publish(std::slice::from_ref(&one)).await.unwrap();
    let [asked] = &house.server.asked()[..] else {
        panic!()
    };
    assert_is_signed(asked);
    assert!(asked.target.starts_with("/apps/3/events?"));
    assert!(
        asked
            .headers
            .contains(&("content-type".to_owned(), "application/json".to_owned()))
    );
    let expected = json!({
        "name": "new-message", "channels": ["private-user-carl"], "data": r#"{"text":"Zoë"}"#, "socket_id": "1.2",
    });
    assert_eq!(body(asked), expected);
}

#[tokio::test]
async fn events_that_go_together_are_one_call_in_their_order() {
    let house = House::open().await;
    let events: Vec<_> = (0..10).map(|n| event(format!("{n}"))).collect();
    house.pusher.publish(&events).await.unwrap();
    let [asked] = &house.server.asked()[..] else {
        panic!()
    };
    assert_is_signed(asked);
    assert!(asked.target.starts_with("/apps/3/batch_events?"));
    let expected: Vec<_> = (0..10)
        .map(|n| json!({ "name": "new-message", "channel": "private-user-carl", "data": n.to_string() }))
        .collect();
    assert_eq!(body(asked), json!({ "batch": expected }));
}

#[tokio::test]
async fn connections_are_kept() {
    let house = House::open().await;
    for _ in 0..20 {
        house.pusher.publish(&[event("{}")]).await.unwrap();
    }
    assert_eq!((house.server.asked().len(), house.server.connections()), (20, 1));
}

#[tokio::test]
async fn the_limit_counts_the_bytes_of_the_data_alone() {
    let house = House::open().await;
    assert_eq!(
        house.pusher.limits(),
        Limits {
            events_per_call: 10,
            data_bytes: 10_240
        }
    );
    let full = "é".repeat(5_120);
    house.pusher.publish(&[event(full.clone())]).await.unwrap();
    let quotes = "\"".repeat(10_240);
    house.pusher.publish(&[event(quotes)]).await.unwrap();
    let calls = house.server.asked().len();
    let over = [
        vec![event(format!("{full}x"))],
        vec![event("{}"), event("x".repeat(10_241))],
        vec![event("{}"); 11],
    ];
    for batch in over {
        assert_eq!(kind(house.pusher.publish(&batch).await), Some(Refused));
    }
    assert_eq!(house.server.asked().len(), calls, "without a call");
}

#[tokio::test]
async fn access_that_ended_ends_the_connections_of_the_user() {
    let house = House::open().await;
    let channel = event("").channel;
    house.pusher.revoke(&user("a/b|c"), &channel).await.unwrap();
    let [asked] = &house.server.asked()[..] else {
        panic!()
    };
    assert_is_signed(asked);
    assert!(
        asked
            .target
            .starts_with("/apps/3/users/a%2Fb%7Cc/terminate_connections?")
    );
}

#[tokio::test]
async fn the_secret_is_not_shown() {
    let house = House::open().await;
    assert!(!format!("{:?} {:#?}", house.pusher, house.pusher.config()).contains(SECRET));
}
