//! Messages from the server.

use axum::extract::ws::Utf8Bytes;
use messaging_core::event::{ChannelName, SocketId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{refusal::Refusal, roster::Roster};

/// An encoded message from the server. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame(Utf8Bytes);

#[derive(Serialize)]
struct Wire<'a, D> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Established<'a> {
    socket_id: &'a str,
    activity_timeout: u64,
}

#[derive(Serialize)]
struct Error<'a> {
    code: Option<u16>,
    message: &'a str,
}

#[derive(Serialize)]
struct SubscriptionError {
    r#type: &'static str,
    error: &'static str,
    status: u16,
}

#[derive(Serialize)]
struct MemberAdded<'a> {
    user_id: &'a str,
    user_info: &'a RawValue,
}

#[derive(Serialize)]
struct MemberRemoved<'a> {
    user_id: &'a str,
}

impl Frame {
    pub(super) fn connection_established(socket_id: &SocketId, activity_timeout_seconds: u64) -> Self {
        let data = Established {
            socket_id: socket_id.as_str(),
            activity_timeout: activity_timeout_seconds,
        };
        Self::of_connection("pusher:connection_established", &json(&data))
    }

    pub(super) fn ping() -> Self {
        Self::of_connection("pusher:ping", "{}")
    }

    pub(super) fn pong() -> Self {
        Self::of_connection("pusher:pong", "{}")
    }

    /// A connection error. Without a code it concerns one message only.
    pub(super) fn error(code: Option<u16>, message: &str) -> Self {
        Self::of_connection("pusher:error", &json(&Error { code, message }))
    }

    pub(super) fn subscription_error(channel: &ChannelName, refusal: Refusal) -> Self {
        let data = SubscriptionError {
            r#type: refusal.kind(),
            error: refusal.message(),
            status: refusal.status(),
        };
        Self::of_channel("pusher:subscription_error", channel, &json(&data))
    }

    pub(super) fn signed_in(user_data: &str) -> Self {
        #[derive(Serialize)]
        struct SignedIn<'a> {
            user_data: &'a str,
        }

        Self::of_connection("pusher:signin_success", &json(&SignedIn { user_data }))
    }

    /// Confirms the subscription to a signed-in user's server-to-user channel. Its name is not a valid channel name.
    pub(super) fn subscribed_as_user(channel: &str) -> Self {
        Self::encode(&Wire {
            event: "pusher_internal:subscription_succeeded",
            channel: Some(channel),
            data: "{}",
            user_id: None,
        })
    }

    /// The frame with another spelling of its channel name.
    pub(super) fn respelled(&self, from: &ChannelName, to: &ChannelName) -> Self {
        // Only the event name precedes the channel field. Quotation marks in it are escaped, and channel names contain
        // no character that needs escaping.
        let field = |name: &ChannelName| format!(r#""channel":"{name}""#);
        Self(self.0.as_str().replacen(&field(from), &field(to), 1).into())
    }

    pub(super) fn subscribed(channel: &ChannelName) -> Self {
        Self::of_channel("pusher_internal:subscription_succeeded", channel, "{}")
    }

    /// Confirms the subscription to a presence channel. Built from pre-encoded members: 100 members take more than 100
    /// KB, and the caller holds the hub's lock.
    pub(super) fn joined(channel: &ChannelName, presence: &Roster) -> Self {
        let mut text = String::with_capacity(presence.escaped_len() + 400);
        text.push_str(r#"{"event":"pusher_internal:subscription_succeeded","channel":""#);
        // Channel names contain no character that needs escaping.
        text.push_str(channel.as_str());
        text.push_str(r#"","data":"{\"presence\":"#);
        presence.push_escaped(&mut text);
        text.push_str(r#"}"}"#);
        Self(text.into())
    }

    pub(super) fn member_added(channel: &ChannelName, user_id: &str, user_info: &RawValue) -> Self {
        let data = json(&MemberAdded { user_id, user_info });
        Self::of_channel("pusher_internal:member_added", channel, &data)
    }

    pub(super) fn member_removed(channel: &ChannelName, user_id: &str) -> Self {
        Self::of_channel(
            "pusher_internal:member_removed",
            channel,
            &json(&MemberRemoved { user_id }),
        )
    }

    /// An event on a channel; `data` is JSON text.
    pub(super) fn of_channel(event: &str, channel: &ChannelName, data: &str) -> Self {
        Self::encode(&Wire {
            event,
            channel: Some(channel.as_str()),
            data,
            user_id: None,
        })
    }

    /// A client event with its data unchanged: the sender chooses whether data are a string.
    pub(super) fn client_event(
        event: &str,
        channel: &ChannelName,
        data: &RawValue,
        user_id: Option<&str>,
    ) -> Self {
        Self::encode(&Wire {
            event,
            channel: Some(channel.as_str()),
            data,
            user_id,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_str().len()
    }

    pub(super) fn into_text(self) -> Utf8Bytes {
        self.0
    }

    fn of_connection(event: &str, data: &str) -> Self {
        Self::encode(&Wire {
            event,
            channel: None,
            data,
            user_id: None,
        })
    }

    fn encode<D: Serialize>(wire: &Wire<'_, D>) -> Self {
        Self(json(wire).into())
    }

    #[cfg(test)]
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("frames have string keys and serialise without error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::roster::Member;

    fn check(frame: &Frame, text: &str) {
        assert_eq!(frame.as_str(), text);
    }

    fn channel() -> ChannelName {
        ChannelName::parse("presence-a").unwrap()
    }

    #[test]
    fn data_of_server_frames_is_a_json_string() {
        check(
            &Frame::connection_established(&SocketId::parse("1.2").unwrap(), 120),
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":120}"}"#,
        );
        check(&Frame::pong(), r#"{"event":"pusher:pong","data":"{}"}"#);
        check(
            &Frame::error(Some(4001), "no"),
            r#"{"event":"pusher:error","data":"{\"code\":4001,\"message\":\"no\"}"}"#,
        );
        check(
            &Frame::member_removed(&channel(), "a"),
            r#"{"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"a\"}"}"#,
        );
        check(
            &Frame::of_channel("e", &channel(), r#"{"x":1}"#),
            r#"{"event":"e","channel":"presence-a","data":"{\"x\":1}"}"#,
        );
    }

    #[test]
    fn a_refused_subscription_names_its_channel_and_a_status() {
        check(
            &Frame::subscription_error(
                &ChannelName::parse("private-a").unwrap(),
                Refusal::InvalidSignature,
            ),
            r#"{"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"Invalid signature\",\"status\":401}"}"#,
        );
    }

    #[test]
    fn respelling_changes_the_channel_field_only() {
        let [from, to] = ["private-a", "private-A"].map(|name| ChannelName::parse(name).unwrap());
        let event = r#"client-","channel":"private-a"#;
        let data = RawValue::from_string(r#"{"channel":"private-a"}"#.to_owned()).unwrap();
        let frame = |channel| Frame::client_event(event, channel, &data, None);
        assert_eq!(frame(&from).respelled(&from, &to), frame(&to));
    }

    #[test]
    fn data_of_client_events_is_unchanged() {
        let data = RawValue::from_string(r#"{"b":1, "a":[]}"#.to_owned()).unwrap();
        check(
            &Frame::client_event("client-x", &channel(), &data, Some("ann")),
            r#"{"event":"client-x","channel":"presence-a","data":{"b":1, "a":[]},"user_id":"ann"}"#,
        );
    }

    #[test]
    fn a_new_member_receives_the_member_list() {
        let mut roster = Roster::default();
        for (id, info) in [("b\"é", r#"{"name":"\"\\\n"}"#), ("a", "null")] {
            let info = RawValue::from_string(info.to_owned()).unwrap();
            roster.join(&Member::new(id.to_owned(), info)).unwrap();
        }
        let presence =
            r#"{"presence":{"count":2,"ids":["a","b\"é"],"hash":{"a":null,"b\"é":{"name":"\"\\\n"}}}}"#;
        let expected = Frame::of_channel("pusher_internal:subscription_succeeded", &channel(), presence);
        assert_eq!(Frame::joined(&channel(), &roster), expected);
    }
}
