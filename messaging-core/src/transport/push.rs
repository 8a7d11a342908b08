//! Push: notifications on the devices of users who are away.

use async_trait::async_trait;

use super::TransportError;
use crate::{
    domain::{body::Body, message::Origin},
    id::{ConversationId, MessageId, UserId},
    time::Timestamp,
};

/// Sends notifications to people's devices.
#[async_trait]
pub trait Push: Send + Sync {
    /// Notifies these users, in as few calls as it takes. It is tried once: an error is noted, and that is all.
    ///
    /// # Errors
    /// A [`TransportError`] of any kind: all are treated alike. What has been sent by then stays sent.
    async fn notify(&self, users: &[UserId], notification: &Notification) -> Result<(), TransportError>;

    /// What a device shows to the push service to be one of this user's, valid from `now` on for as long as the
    /// service allows. Given to that user only.
    fn user_token(&self, user_id: &UserId, now: Timestamp) -> String;
}

/// The notification of a received message.
///
/// What people wrote is as they wrote it. Whether it is shown on a locked screen is the adapter's to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// Which message.
    pub message_id: MessageId,
    /// Who wrote it: the other side, or the system.
    pub origin: Origin,
    /// The name of who is on the other side: the business, or the client; empty when the directory does not say.
    pub from: String,
    /// All of the message.
    pub body: Body,
}
