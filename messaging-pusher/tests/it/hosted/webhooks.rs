//! A valid webhook invalidates cached presence.

use hmac::{Hmac, KeyInit as _, Mac as _};
use messaging_core::host::presence::Presence as _;
use messaging_core::transport::channels::{Channels as _, Webhook, WebhookError};
use sha2::Sha256;

use crate::support::{
    fault_server::Reply,
    hosted::{Fixture, KEY, SECRET, user},
};

const NOW: &str =
    r#"{"time_ms": 1767225600000, "events": [{"name": "channel_vacated", "channel": "private-user-carl"}]}"#;

fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// The number of lookups, after another query for carl.
async fn lookups(fixture: &Fixture) -> usize {
    fixture.pusher.online(&[user("carl")]).await.unwrap();
    fixture.server.requests().len()
}

async fn fixture_with_cached_presence() -> Fixture {
    let fixture = Fixture::open().await;
    fixture
        .server
        .reply_all(Reply::Status(200, "", r#"{"occupied": true}"#.to_owned()));
    assert_eq!((lookups(&fixture).await, lookups(&fixture).await), (1, 1));
    fixture
}

#[tokio::test]
async fn a_webhook_causes_a_new_lookup() {
    let fixture = fixture_with_cached_presence().await;
    let signature = signed(NOW.as_bytes());
    let headers = [("X-Pusher-Key", KEY), ("X-Pusher-Signature", signature.as_str())];
    fixture
        .pusher
        .receive_webhook(&Webhook::new(headers, NOW.as_bytes()))
        .unwrap();
    assert_eq!((lookups(&fixture).await, lookups(&fixture).await), (2, 2));
    let again = fixture
        .pusher
        .receive_webhook(&Webhook::new(headers, NOW.as_bytes()));
    again.unwrap();
    assert_eq!(lookups(&fixture).await, 2, "a repeated webhook changes nothing");
}

#[tokio::test]
async fn a_refused_webhook_changes_nothing() {
    let fixture = fixture_with_cached_presence().await;
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
        let refused = fixture
            .pusher
            .receive_webhook(&Webhook::new(headers, body.as_bytes()));
        assert!(
            matches!(refused, Err(WebhookError::NotAuthentic(_))),
            "{refused:?}"
        );
    }
    let without = fixture
        .pusher
        .receive_webhook(&Webhook::new([("x-pusher-key", KEY)], NOW.as_bytes()));
    assert!(matches!(without, Err(WebhookError::NotAuthentic(_))));
    for unreadable in ["", "{}", "[]", "\u{0}", r#"{"time_ms": "now", "events": []}"#] {
        let signature = signed(unreadable.as_bytes());
        let headers = [("x-pusher-key", KEY), ("x-pusher-signature", signature.as_str())];
        let refused = fixture
            .pusher
            .receive_webhook(&Webhook::new(headers, unreadable.as_bytes()));
        assert!(matches!(refused, Err(WebhookError::Unreadable(_))), "{refused:?}");
    }
    assert_eq!(lookups(&fixture).await, 1);
}
