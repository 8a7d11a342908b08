//! Verification of webhooks.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hmac::Mac as _;
use messaging_core::{
    event::{Channel, ChannelName, ChannelNames},
    time::Timestamp,
    transport::channels::{Webhook, WebhookError},
};
use serde::Deserialize;
use serde_json::Value;

use super::request::hmac;
use crate::credentials::Credentials;

/// Maximum difference between a webhook's time and the clock. Pusher repeats a webhook for 5 minutes.
const WINDOW: Duration = Duration::from_mins(10);
/// Maximum number of remembered signatures.
const MAX_SIGNATURES: usize = 10_000;

/// Recently accepted webhooks, by signature.
#[derive(Debug, Default)]
pub(super) struct SeenWebhooks(Mutex<Signatures>);

#[derive(Debug, Default)]
struct Signatures {
    by_age: VecDeque<(Timestamp, [u8; 32])>,
    all: HashSet<[u8; 32]>,
}

#[derive(Deserialize)]
struct Body {
    time_ms: i64,
    events: Vec<Value>,
}

impl SeenWebhooks {
    /// Verifies a webhook and returns the channels of users whose presence may have changed. Returns none for a
    /// repeated webhook: Pusher repeats one whose response it did not receive.
    ///
    /// # Errors
    /// [`WebhookError`] if the signature, the time or the body is invalid.
    pub(super) fn verify(
        &self,
        credentials: &Credentials,
        names: &ChannelNames,
        webhook: &Webhook<'_>,
        now: Timestamp,
    ) -> Result<Vec<ChannelName>, WebhookError> {
        let signature = signature(credentials, webhook)?;
        let unreadable = |error: serde_json::Error| WebhookError::Unreadable(error.into());
        let Body { time_ms, events } = serde_json::from_slice(webhook.body()).map_err(unreadable)?;
        let sent = Timestamp::from_millis(time_ms);
        if now.since(sent) > WINDOW || sent.since(now) > WINDOW {
            return Err(WebhookError::NotAuthentic(
                "its time differs from the server's by more than 10 minutes",
            ));
        }
        if !self.insert(signature, now) {
            return Ok(Vec::new());
        }
        Ok(events
            .iter()
            .filter_map(|event| user_channel(event, names))
            .collect())
    }

    /// Records a signature. Returns `false` if it was recorded before.
    fn insert(&self, signature: [u8; 32], now: Timestamp) -> bool {
        let mut signatures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Signatures { by_age, all } = &mut *signatures;
        // A webhook from 10 minutes in the future stays acceptable for 20 minutes.
        while let Some((at, oldest)) = by_age.front()
            && (now.since(*at) > 2 * WINDOW || by_age.len() >= MAX_SIGNATURES)
        {
            all.remove(oldest);
            by_age.pop_front();
        }
        let is_new = all.insert(signature);
        if is_new {
            by_age.push_back((now, signature));
        }
        is_new
    }
}

/// The webhook's signature, if it is valid for the app and the body.
fn signature(credentials: &Credentials, webhook: &Webhook<'_>) -> Result<[u8; 32], WebhookError> {
    const WRONG: WebhookError = WebhookError::NotAuthentic("the signature is wrong");
    if webhook.header("X-Pusher-Key") != Some(credentials.key.as_str()) {
        return Err(WebhookError::NotAuthentic("it is for another key"));
    }
    let claimed = webhook.header("X-Pusher-Signature").unwrap_or_default();
    let mut signature = [0; 32];
    hex::decode_to_slice(claimed, &mut signature).map_err(|_| WRONG)?;
    let verified = hmac(credentials, webhook.body()).verify_slice(&signature);
    verified.map_err(|_| WRONG)?;
    Ok(signature)
}

/// The user channel whose presence an event may have changed.
fn user_channel(event: &Value, names: &ChannelNames) -> Option<ChannelName> {
    let (Some("channel_occupied" | "channel_vacated"), Some(channel)) =
        (event["name"].as_str(), event["channel"].as_str())
    else {
        return None;
    };
    let channel = ChannelName::parse(channel).ok()?;
    match names.parse(&channel)? {
        Channel::User(_) | Channel::LongUser(_) => Some(channel),
        Channel::Conversation(_) | Channel::ConversationPresence(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::credentials::{AppKey, AppSecret};

    const NOW: i64 = 1_767_225_600_000;

    fn credentials() -> Credentials {
        Credentials {
            key: AppKey::parse("key").unwrap(),
            secret: AppSecret::parse("secret").unwrap(),
        }
    }

    fn signed(body: &[u8]) -> String {
        hex::encode(hmac(&credentials(), body).finalize().into_bytes())
    }

    fn body(time_ms: i64) -> String {
        format!(
            r#"{{"time_ms": {time_ms}, "more": 1, "events": [
                {{"name": "channel_occupied", "channel": "private-user-a", "more": {{}}}},
                {{"name": "channel_vacated", "channel": "private-user-=YSBi"}},
                {{"name": "channel_vacated", "channel": "private-user-c"}},
                {{"name": "channel_occupied", "channel": "private-orders"}},
                {{"name": "channel_occupied", "channel": "not a channel"}},
                {{"name": "member_added", "channel": "private-user-d", "user_id": 7}},
                {{"name": "something_new", "channel": "private-user-d"}},
                {{"name": 7}}, {{}}, [], null, 1, "event"
            ]}}"#
        )
    }

    fn verify(seen: &SeenWebhooks, key: &str, signature: &str, body: &[u8]) -> Result<Vec<String>, String> {
        let headers = [("x-pusher-key", key), ("X-PUSHER-SIGNATURE", signature)];
        let now = Timestamp::from_millis(NOW);
        let users = seen.verify(
            &credentials(),
            &ChannelNames::default(),
            &Webhook::new(headers, body),
            now,
        );
        users
            .map(|users| users.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    const WRONG: &str = "the webhook is not authentic: the signature is wrong";

    #[test]
    fn the_signature_in_pushers_documentation_is_valid() {
        let body = br#"{"hello":"world"}"#;
        assert_eq!(
            signed(body),
            "2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc778"
        );
        let refused = verify(&SeenWebhooks::default(), "key", &signed(body), body).unwrap_err();
        assert_eq!(refused, "the webhook cannot be read");
    }

    #[test]
    fn only_user_channels_that_became_occupied_or_vacated_are_returned() {
        let body = body(NOW);
        let users = verify(
            &SeenWebhooks::default(),
            "key",
            &signed(body.as_bytes()),
            body.as_bytes(),
        );
        assert_eq!(
            users,
            Ok(vec!["private-user-a".to_owned(), "private-user-c".to_owned()])
        );
    }

    #[test]
    fn a_wrong_or_truncated_signature_is_refused() {
        let body = body(NOW);
        let right = signed(body.as_bytes());
        let other = signed(b"another body");
        let seen = SeenWebhooks::default();
        for signature in [
            "",
            "00",
            &right[..62],
            &right[1..],
            &format!("{right}00"),
            &other,
            "zz",
            "é",
        ] {
            assert_eq!(
                verify(&seen, "key", signature, body.as_bytes()),
                Err(WRONG.to_owned())
            );
        }
        assert_eq!(
            verify(&seen, "key", &right, &body.as_bytes()[1..]),
            Err(WRONG.to_owned())
        );
        assert_eq!(verify(&seen, "key", &right, b"\xff\xfe"), Err(WRONG.to_owned()));
        assert!(verify(&seen, "other", &right, body.as_bytes()).is_err());
        assert!(verify(&seen, "key", &right.to_uppercase(), body.as_bytes()).is_ok());
    }

    proptest! {
        /// A webhook is only a hint: no content can do harm.
        #[test]
        fn any_signed_body_is_accepted_or_refused_with_an_error(body in body_of_any_kind()) {
            let seen = SeenWebhooks::default();
            if let Err(refused) = verify(&seen, "key", &signed(&body), &body) {
                prop_assert!(refused.starts_with("the webhook"), "{refused}");
            }
        }

        #[test]
        fn any_other_signature_is_refused(body in body_of_any_kind(), claimed in "[0-9a-f]{64}|\\PC{0,80}") {
            prop_assume!(!claimed.eq_ignore_ascii_case(&signed(&body)));
            let refused = verify(&SeenWebhooks::default(), "key", &claimed, &body);
            prop_assert_eq!(refused, Err(WRONG.to_owned()));
        }
    }

    fn body_of_any_kind() -> impl Strategy<Value = Vec<u8>> {
        let event = (
            prop_oneof![Just("channel_occupied".to_owned()), any::<String>()],
            prop_oneof!["private-user-[a-z=]{0,9}", any::<String>()],
        );
        let event = event.prop_map(|(name, channel)| serde_json::json!({"name": name, "channel": channel}));
        let events = prop::collection::vec(event, 0..4);
        let webhook = (prop_oneof![Just(NOW), any::<i64>()], events).prop_map(|(time, events)| {
            serde_json::json!({"time_ms": time, "events": events})
                .to_string()
                .into_bytes()
        });
        prop_oneof![3 => webhook, 1 => prop::collection::vec(any::<u8>(), 0..100)]
    }

    #[test]
    fn a_repeated_webhook_is_accepted_and_changes_nothing() {
        let seen = SeenWebhooks::default();
        let now = body(NOW);
        let signature = signed(now.as_bytes());
        let first = verify(&seen, "key", &signature, now.as_bytes());
        assert_eq!(first.map(|channels| channels.len()), Ok(2));
        for _ in 0..2 {
            assert_eq!(verify(&seen, "key", &signature, now.as_bytes()), Ok(vec![]));
        }
        let minutes = 60_000;
        for (time, is_current) in [
            (NOW - 10 * minutes, true),
            (NOW + 10 * minutes, true),
            (NOW - 10 * minutes - 1, false),
            (NOW + 10 * minutes + 1, false),
            (0, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            let body = body(time);
            let answer = verify(&seen, "key", &signed(body.as_bytes()), body.as_bytes());
            assert_eq!(answer.is_ok(), is_current, "{time}");
        }
    }

    #[test]
    fn the_number_of_remembered_signatures_is_limited() {
        let seen = SeenWebhooks::default();
        let now = Timestamp::from_millis(NOW);
        for n in 0..MAX_SIGNATURES + 100 {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&n.to_be_bytes());
            assert!(seen.insert(signature, now));
        }
        assert_eq!(seen.0.lock().unwrap().all.len(), MAX_SIGNATURES);
        assert!(seen.insert([7; 32], now + 3 * WINDOW));
        assert_eq!(seen.0.lock().unwrap().by_age.len(), 1);
    }
}
