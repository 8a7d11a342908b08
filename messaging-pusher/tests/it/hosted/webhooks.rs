//! A webhook makes forgotten what is remembered of a user; and nothing else does.

use hmac::{Hmac, KeyInit as _, Mac as _};
use messaging_core::host::presence::Presence as _;
use messaging_core::transport::channels::{Channels as _, Webhook, WebhookError};
use sha2::Sha256;

use crate::support::{
    fault_server::Reply,
    hosted::{House, KEY, SECRET, user},
};

const NOW: &str =
    r#"{"time_ms": 1767225600000, "events": [{"name": "channel_vacated", "channel": "private-user-carl"}]}"#;

fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// How often the server was asked for carl, once he was asked for again.
async fn questions(house: &House) -> usize {
    house.pusher.online(&[user("carl")]).await.unwrap();
    house.server.asked().len()
}

async fn remembered() -> House {
    let house = House::open().await;
    house
        .server
        .answer_all(Reply::Status(200, "", r#"{"occupied": true}"#.to_owned()));
    assert_eq!((questions(&house).await, questions(&house).await), (1, 1));
    house
}

#[tokio::test]
async fn who_came_or_went_is_asked_for_again() {
    let house = remembered().await;
    let signature = signed(NOW.as_bytes());
    let headers = [("X-Pusher-Key", KEY), ("X-Pusher-Signature", signature.as_str())];
    house
        .pusher
        .receive_webhook(&Webhook::new(headers, NOW.as_bytes()))
        .unwrap();
    assert_eq!((questions(&house).await, questions(&house).await), (2, 2));
    let again = house
        .pusher
        .receive_webhook(&Webhook::new(headers, NOW.as_bytes()));
    again.unwrap();
    assert_eq!(questions(&house).await, 2, "what was said before changes nothing");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let house = remembered().await;
    let right = signed(NOW.as_bytes());
    let cases = [
        (KEY, "", NOW),
        (KEY, &right[..63], NOW),
        (KEY, &right[..62], NOW),
        (KEY, &right, &NOW[1..]),
        ("another-key", &right, NOW),
        ("", &right, NOW),
    ];
    for (key, signature, body) in cases {
        let headers = [("x-pusher-key", key), ("x-pusher-signature", signature)];
        let refused = house
            .pusher
            .receive_webhook(&Webhook::new(headers, body.as_bytes()));
        assert!(
            matches!(refused, Err(WebhookError::NotAuthentic(_))),
            "{refused:?}"
        );
    }
    let without = house
        .pusher
        .receive_webhook(&Webhook::new([("x-pusher-key", KEY)], NOW.as_bytes()));
    assert!(matches!(without, Err(WebhookError::NotAuthentic(_))));
    for unreadable in ["", "{}", "[]", "\u{0}", r#"{"time_ms": "now", "events": []}"#] {
        let signature = signed(unreadable.as_bytes());
        let headers = [("x-pusher-key", KEY), ("x-pusher-signature", signature.as_str())];
        let refused = house
            .pusher
            .receive_webhook(&Webhook::new(headers, unreadable.as_bytes()));
        assert!(matches!(refused, Err(WebhookError::Unreadable(_))), "{refused:?}");
    }
    assert_eq!(questions(&house).await, 1);
}
