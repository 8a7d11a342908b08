//! Messages from clients.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A message from a client.
#[derive(Debug)]
pub(super) enum Command {
    Ping,
    Pong,
    Subscribe(SubscribeRequest),
    Unsubscribe {
        channel: String,
    },
    ClientEvent(ClientEvent),
    SignIn(SignIn),
    /// A protocol message that needs no answer.
    Unknown,
}

/// A subscription request; not verified.
#[derive(Debug, Deserialize)]
pub(super) struct SubscribeRequest {
    pub(super) channel: String,
    pub(super) auth: Option<String>,
    pub(super) channel_data: Option<String>,
}

/// A sign-in request; not verified.
#[derive(Debug, Deserialize)]
pub(super) struct SignIn {
    pub(super) auth: String,
    pub(super) user_data: String,
}

/// An event from a client to the other subscribers of a channel.
#[derive(Debug)]
pub(super) struct ClientEvent {
    /// Begins with `client-`.
    pub(super) name: String,
    pub(super) channel: String,
    /// Any JSON, unchanged.
    pub(super) data: Box<RawValue>,
}

/// The reason why a message is not a valid command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("invalid JSON, or not an event")]
    NotAnEvent,
    #[error("invalid data for this event")]
    InvalidData,
    #[error("client events must begin with client-")]
    NotAClientEvent,
    #[error("the event's name is longer than 200 characters")]
    NameTooLong,
    #[error("the event's data are larger than 10 KB")]
    DataTooLarge,
}

/// Maximum length of an event name, in characters.
pub(super) const MAX_EVENT_NAME_CHARS: usize = 200;
/// Maximum length of event data, in bytes.
pub(super) const MAX_EVENT_DATA_BYTES: usize = 10_240;

#[derive(Deserialize)]
struct Envelope<'a> {
    event: String,
    channel: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Unsubscribe {
    channel: String,
}

impl Command {
    /// Parses a message.
    ///
    /// # Errors
    /// [`CommandError`] if it is invalid. The connection stays usable.
    pub(super) fn parse(text: &str) -> Result<Self, CommandError> {
        let Envelope { event, channel, data } =
            serde_json::from_str(text).map_err(|_| CommandError::NotAnEvent)?;
        match event.as_str() {
            "pusher:ping" => Ok(Self::Ping),
            "pusher:pong" => Ok(Self::Pong),
            "pusher:subscribe" => read(data).map(Self::Subscribe),
            "pusher:unsubscribe" => {
                let Unsubscribe { channel } = read(data)?;
                Ok(Self::Unsubscribe { channel })
            }
            "pusher:signin" => read(data).map(Self::SignIn),
            name if name.starts_with("client-") => {
                let channel = channel.ok_or(CommandError::InvalidData)?;
                ClientEvent::parse(event, channel, data).map(Self::ClientEvent)
            }
            name if name.starts_with("pusher:") => Ok(Self::Unknown),
            _ => Err(CommandError::NotAClientEvent),
        }
    }
}

impl ClientEvent {
    fn parse(name: String, channel: String, data: Option<&RawValue>) -> Result<Self, CommandError> {
        let data = data.map_or_else(|| RawValue::NULL.to_owned(), ToOwned::to_owned);
        if name.chars().count() > MAX_EVENT_NAME_CHARS {
            return Err(CommandError::NameTooLong);
        }
        if data.get().len() > MAX_EVENT_DATA_BYTES {
            return Err(CommandError::DataTooLarge);
        }
        Ok(Self { name, channel, data })
    }
}

fn read<T: DeserializeOwned>(data: Option<&RawValue>) -> Result<T, CommandError> {
    let data = data.ok_or(CommandError::InvalidData)?;
    serde_json::from_str(data.get()).map_err(|_| CommandError::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = match Command::parse(text) {
            Ok(Command::Subscribe(SubscribeRequest {
                channel,
                auth,
                channel_data,
            })) => {
                format!("subscribe {channel} {auth:?} {channel_data:?}")
            }
            Ok(Command::Unsubscribe { channel }) => format!("unsubscribe {channel}"),
            Ok(Command::ClientEvent(ClientEvent { name, channel, data })) => {
                format!("{name} {channel} {data}")
            }
            other => format!("{other:?}"),
        };
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn commands_are_parsed() {
        check(r#"{"event":"pusher:ping","data":{}}"#, "Ok(Ping)");
        check(r#"{"event":"pusher:ping"}"#, "Ok(Ping)");
        check(r#"{"event":"pusher:pong","data":"{}"}"#, "Ok(Pong)");
        check(
            r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"a"}}"#,
            r#"subscribe a Some("") None"#,
        );
        check(
            r#"{"event":"pusher:subscribe","data":{"auth":null,"channel":"a","channel_data":"{}","more":[]}}"#,
            r#"subscribe a None Some("{}")"#,
        );
        check(
            r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#,
            "unsubscribe a",
        );
        check(
            r#"{"event":"client-x","channel":"a","data":[1, 2]}"#,
            "client-x a [1, 2]",
        );
        check(r#"{"event":"client-x","channel":"a"}"#, "client-x a null");
        check(
            r#"{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{}","more":7}}"#,
            r#"Ok(SignIn(SignIn { auth: "k:s", user_data: "{}" }))"#,
        );
        check(r#"{"event":"pusher:something_new","data":7}"#, "Ok(Unknown)");
    }

    #[test]
    fn malformed_messages_are_rejected() {
        for text in [
            "",
            " ",
            "{",
            "null",
            "[]",
            "7",
            r#""pusher:ping""#,
            "{}",
            r#"{"event":7}"#,
            r#"{"event":null}"#,
        ] {
            check(text, "Err(NotAnEvent)");
        }
        check(&"[".repeat(10_000), "Err(NotAnEvent)");
        check(r#"{"event":"pusher:subscribe"}"#, "Err(InvalidData)");
        check(r#"{"event":"pusher:subscribe","data":null}"#, "Err(InvalidData)");
        check(r#"{"event":"pusher:subscribe","data":"a"}"#, "Err(InvalidData)");
        check(r#"{"event":"pusher:subscribe","data":{}}"#, "Err(InvalidData)");
        check(
            r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
            "Err(InvalidData)",
        );
        check(
            r#"{"event":"pusher:unsubscribe","data":{"channel":["a"]}}"#,
            "Err(InvalidData)",
        );
        check(r#"{"event":"pusher:signin","data":{}}"#, "Err(InvalidData)");
        check(r#"{"event":"client-x","data":1}"#, "Err(InvalidData)");
        check(
            r#"{"event":"new-message","channel":"a","data":1}"#,
            "Err(NotAClientEvent)",
        );
        check(
            r#"{"event":"pusher_internal:member_added","channel":"a"}"#,
            "Err(NotAClientEvent)",
        );
    }

    #[test]
    fn client_events_have_maximum_lengths() {
        let event = |name: &str, data: &str| format!(r#"{{"event":"{name}","channel":"a","data":"{data}"}}"#);
        let name = format!("client-{}", "é".repeat(193));
        assert!(Command::parse(&event(&name, "")).is_ok());
        check(&event(&format!("{name}x"), ""), "Err(NameTooLong)");
        assert!(Command::parse(&event("client-x", &"x".repeat(10_238))).is_ok());
        check(&event("client-x", &"x".repeat(10_239)), "Err(DataTooLarge)");
    }
}
