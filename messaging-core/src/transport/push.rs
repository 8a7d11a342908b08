//! Push: notifications on the devices of users who are away.

use async_trait::async_trait;

use super::TransportError;
use crate::{
    domain::{message::Origin, shown::Shown},
    id::{ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// Sends push notifications to users' devices.
#[async_trait]
pub trait Push: Send + Sync {
    /// Notifies these users, in as few calls as possible. Tried once: an error is logged, and not retried.
    ///
    /// # Errors
    /// A [`TransportError`] of any kind; all are treated alike. Notifications that were already sent stay sent.
    async fn notify(&self, users: &[UserId], notification: &Notification) -> Result<(), TransportError>;

    /// A token with which a device proves to the push service that it belongs to this user, valid from `now` for as
    /// long as the service allows. It is given to that user only.
    fn user_token(&self, user_id: &UserId, now: Timestamp) -> String;
}

/// A push notification of a received message.
///
/// The text is unescaped. The adapter decides whether it is shown on a locked screen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The id of the conversation.
    pub conversation_id: ConversationId,
    /// The id of the message.
    pub message_id: MessageId,
    /// The sender: a user of the other side, or the host.
    pub origin: Origin,
    /// The name of the other side: the business's or the client's; empty if the directory does not know it.
    pub from: String,
    /// The whole text of the message.
    pub text: Shown,
}

impl Notification {
    /// A notification from a sender whose name is unknown.
    pub const fn new(
        conversation_id: ConversationId,
        message_id: MessageId,
        origin: Origin,
        text: Shown,
    ) -> Self {
        Self {
            conversation_id,
            message_id,
            origin,
            from: String::new(),
            text,
        }
    }

    with! {
        with_from from: String,
    }
}
