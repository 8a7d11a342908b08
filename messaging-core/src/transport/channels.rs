//! Channels: signing a subscription, and what the realtime server reports.

use serde::Serialize;

use super::TransportError;
use crate::{
    domain::channel::{ChannelName, SocketId},
    id::UserId,
};

/// Signs subscriptions that have been decided on, and takes note of what the realtime server reports. It decides
/// nothing itself.
pub trait Channels: Send + Sync {
    /// The answer with which a client proves to the realtime server that it may subscribe. Member data are
    /// signed into a presence channel's answer, and never into a private channel's.
    ///
    /// # Errors
    /// [`Refused`](super::TransportErrorKind::Refused) if this subscription cannot be signed;
    /// [`Misconfigured`](super::TransportErrorKind::Misconfigured) if the adapter's configuration allows no signing.
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError>;

    /// The answer with which a client proves to the realtime server whose connection it is, so that the server can end all
    /// of a user's connections; `None` where the server has no notion of it, as by default.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<Option<UserAuth>, TransportError> {
        let _ = (socket_id, user);
        Ok(None)
    }

    /// Takes note of what a webhook reports. It is checked on the body as it came, before anything of it is
    /// read, that the realtime server sent it; what is reported is a hint, and what is not known is ignored.
    ///
    /// # Errors
    /// [`WebhookError`]; then nothing was noted.
    fn receive_webhook(&self, webhook: &Webhook<'_>) -> Result<(), WebhookError>;
}

/// Who subscribes to what, from which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The connection.
    pub socket_id: SocketId,
    /// The channel.
    pub channel: ChannelName,
    /// The person.
    pub member: Member,
}

/// A person as the other members of a presence channel see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Their name; may be blank.
    pub name: String,
}

/// The signed answer, as the protocol's clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelAuth {
    /// `<key>:<signature>`.
    pub auth: String,
    /// What was signed about the member, byte for byte; presence channels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<String>,
}

/// The signed answer to signing in, as the protocol's clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAuth {
    /// `<key>:<signature>`.
    pub auth: String,
    /// What was signed about the user, byte for byte.
    pub user_data: String,
}

/// What the realtime server posted, as it came.
#[derive(Debug, Clone)]
pub struct Webhook<'a> {
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
}

impl<'a> Webhook<'a> {
    /// A body, with the headers that came with it.
    pub fn new(headers: impl IntoIterator<Item = (&'a str, &'a str)>, body: &'a [u8]) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            body,
        }
    }

    /// A header's value, whatever the case of its name; `None` when it is not there exactly once.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut named = self
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = named.next()?;
        named.next().is_none().then_some(value)
    }

    /// The body, byte for byte.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Why nothing was noted of a webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The realtime server did not send it, or not now and for the first time; or this one sends none.
    #[error("the webhook is not authentic: {0}")]
    NotAuthentic(&'static str),
    /// The realtime server sent it, but it cannot be read.
    #[error("the webhook cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_comes_twice_is_none() {
        let headers = [("X-Key", "a"), ("x-signature", "b"), ("X-SIGNATURE", "c")];
        let webhook = Webhook::new(headers, b"body");
        assert_eq!(webhook.header("x-key"), Some("a"));
        assert_eq!(webhook.header("x-signature"), None);
        assert_eq!(webhook.header("other"), None);
    }
}
