//! Channels: signatures of subscriptions, and webhooks of the realtime server.

use serde::Serialize;

use super::TransportError;
use crate::{
    domain::channel::{ChannelName, SocketId},
    id::UserId,
};

/// Signs subscriptions, and receives webhooks of the realtime server. It takes no access decisions: the caller has made
/// them.
pub trait Channels: Send + Sync {
    /// Signs a subscription: the client shows the result to the realtime server. Member data are part of the signature
    /// for a presence channel, and never for a private channel.
    ///
    /// # Errors
    /// [`Refused`](super::TransportErrorKind::Refused) if this subscription cannot be signed;
    /// [`Misconfigured`](super::TransportErrorKind::Misconfigured) if the adapter's configuration does not allow
    /// signing.
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError>;

    /// Signs a user in: the client shows the result to the realtime server, which then knows the user of the connection
    /// and can end all of the user's connections. `None` if the server does not support it, as by default.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<Option<UserAuth>, TransportError> {
        let _ = (socket_id, user);
        Ok(None)
    }

    /// Receives a webhook. The signature is checked on the unparsed body, before it is read. Reported changes are
    /// hints, and unknown ones are ignored.
    ///
    /// # Errors
    /// [`WebhookError`]; then the webhook has had no effect.
    fn receive_webhook(&self, webhook: &Webhook<'_>) -> Result<(), WebhookError>;
}

/// A subscription to sign: connection, channel and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The connection.
    pub socket_id: SocketId,
    /// The channel.
    pub channel: ChannelName,
    /// The user.
    pub member: Member,
}

/// A user, as the other members of a presence channel see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user's id.
    pub user_id: UserId,
    /// The user's name; may be empty.
    pub name: String,
}

/// The signature for a subscription, in the form that the protocol's clients expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelAuth {
    /// `<key>:<signature>`.
    pub auth: String,
    /// The signed member data, byte for byte; presence channels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<String>,
}

/// The signature for signing in, in the form that the protocol's clients expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAuth {
    /// `<key>:<signature>`.
    pub auth: String,
    /// The signed user data, byte for byte.
    pub user_data: String,
}

/// A webhook as the realtime server sent it.
#[derive(Debug, Clone)]
pub struct Webhook<'a> {
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
}

impl<'a> Webhook<'a> {
    /// Creates a webhook from its headers and its body.
    pub fn new(headers: impl IntoIterator<Item = (&'a str, &'a str)>, body: &'a [u8]) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            body,
        }
    }

    /// A header's value; names are compared without case. `None` unless the header occurs exactly once.
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

/// The reason why a webhook had no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The realtime server did not send it, it is too old, or it was received before; or this transport has no
    /// webhooks.
    #[error("the webhook is not authentic: {0}")]
    NotAuthentic(&'static str),
    /// The realtime server sent it, but it cannot be parsed.
    #[error("the webhook cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_is_none() {
        let headers = [("X-Key", "a"), ("x-signature", "b"), ("X-SIGNATURE", "c")];
        let webhook = Webhook::new(headers, b"body");
        assert_eq!(webhook.header("x-key"), Some("a"));
        assert_eq!(webhook.header("x-signature"), None);
        assert_eq!(webhook.header("other"), None);
    }
}
