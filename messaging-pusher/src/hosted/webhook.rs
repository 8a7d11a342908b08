//! What the server reports, and whether it was the server.

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

/// How far a webhook's time may be from ours: Pusher repeats one for 5 minutes.
const WINDOW: Duration = Duration::from_mins(10);
/// How many signatures are remembered within that.
const REMEMBERED: usize = 10_000;

/// The webhooks that were taken lately, by their signatures.
#[derive(Debug, Default)]
pub(super) struct Taken(Mutex<Signatures>);

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

impl Taken {
    /// The channels of the users of whom a webhook says that they have come or gone: none of one that was taken before,
    /// as Pusher repeats a webhook whose answer it has not got.
    pub(super) fn take(
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
            return Err(WebhookError::NotAuthentic("it is not of now"));
        }
        if !self.note(signature, now) {
            return Ok(Vec::new());
        }
        Ok(events
            .iter()
            .filter_map(|event| concerned(event, names))
            .collect())
    }

    /// Notes a signature; `false` when it was noted before.
    fn note(&self, signature: [u8; 32], now: Timestamp) -> bool {
        let mut signatures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Signatures { by_age, all } = &mut *signatures;
        // One may be from 10 minutes ahead of us, and will not be refused for its time before 20 have passed.
        while let Some((at, oldest)) = by_age.front()
            && (now.since(*at) > 2 * WINDOW || by_age.len() >= REMEMBERED)
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

/// The signature, if it is the app's over this very body.
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

/// The channel of the user whose presence an event may have changed.
fn concerned(event: &Value, names: &ChannelNames) -> Option<ChannelName> {
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

    fn take(taken: &Taken, key: &str, signature: &str, body: &[u8]) -> Result<Vec<String>, String> {
        let headers = [("x-pusher-key", key), ("X-PUSHER-SIGNATURE", signature)];
        let now = Timestamp::from_millis(NOW);
        let users = taken.take(
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
    fn the_documented_signature_is_right() {
        let body = br#"{"hello":"world"}"#;
        assert_eq!(
            signed(body),
            "2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc778"
        );
        let refused = take(&Taken::default(), "key", &signed(body), body).unwrap_err();
        assert_eq!(refused, "the webhook cannot be read");
    }

    #[test]
    fn users_who_came_or_went_are_told_and_all_else_is_ignored() {
        let body = body(NOW);
        let users = take(
            &Taken::default(),
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
        let taken = Taken::default();
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
                take(&taken, "key", signature, body.as_bytes()),
                Err(WRONG.to_owned())
            );
        }
        assert_eq!(
            take(&taken, "key", &right, &body.as_bytes()[1..]),
            Err(WRONG.to_owned())
        );
        assert_eq!(take(&taken, "key", &right, b"\xff\xfe"), Err(WRONG.to_owned()));
        assert!(take(&taken, "other", &right, body.as_bytes()).is_err());
        assert!(take(&taken, "key", &right.to_uppercase(), body.as_bytes()).is_ok());
    }

    proptest! {
        /// What it says is a hint: nothing in it can do harm.
        #[test]
        fn any_body_with_its_signature_is_taken_or_refused_in_words(body in body_of_any_kind()) {
            let taken = Taken::default();
            if let Err(refused) = take(&taken, "key", &signed(&body), &body) {
                prop_assert!(refused.starts_with("the webhook"), "{refused}");
            }
        }

        #[test]
        fn no_other_signature_will_do(body in body_of_any_kind(), claimed in "[0-9a-f]{64}|\\PC{0,80}") {
            prop_assume!(!claimed.eq_ignore_ascii_case(&signed(&body)));
            let refused = take(&Taken::default(), "key", &claimed, &body);
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
    fn a_repeated_one_is_taken_and_says_nothing_new() {
        let taken = Taken::default();
        let now = body(NOW);
        let signature = signed(now.as_bytes());
        let first = take(&taken, "key", &signature, now.as_bytes());
        assert_eq!(first.map(|channels| channels.len()), Ok(2));
        for _ in 0..2 {
            assert_eq!(take(&taken, "key", &signature, now.as_bytes()), Ok(vec![]));
        }
        let minutes = 60_000;
        for (time, is_of_now) in [
            (NOW - 10 * minutes, true),
            (NOW + 10 * minutes, true),
            (NOW - 10 * minutes - 1, false),
            (NOW + 10 * minutes + 1, false),
            (0, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            let body = body(time);
            let answer = take(&taken, "key", &signed(body.as_bytes()), body.as_bytes());
            assert_eq!(answer.is_ok(), is_of_now, "{time}");
        }
    }

    #[test]
    fn only_so_many_are_remembered() {
        let taken = Taken::default();
        let now = Timestamp::from_millis(NOW);
        for n in 0..REMEMBERED + 100 {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&n.to_be_bytes());
            assert!(taken.note(signature, now));
        }
        assert_eq!(taken.0.lock().unwrap().all.len(), REMEMBERED);
        assert!(taken.note([7; 32], now + 3 * WINDOW));
        assert_eq!(taken.0.lock().unwrap().by_age.len(), 1);
    }
}
