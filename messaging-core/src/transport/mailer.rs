//! The mailer: sends digests to users who are away.

use async_trait::async_trait;

use super::TransportError;
use crate::{
    domain::{body::Body, message::Origin, side::Side},
    host::directory::{BookingProfile, Contact},
    id::{BookingId, ConversationId, DigestId, UserId},
    time::Timestamp,
};

/// Sends digests.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one digest, and returns when the mail server has accepted it.
    ///
    /// The same digest may be sent again: after [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown), or after
    /// a crash before its record. It then has the same [id](Digest::id), and no messages beyond those of the first. A
    /// `Message-ID` made from the id lets a mailbox recognise the repetition.
    ///
    /// # Errors
    /// - [`Refused`](super::TransportErrorKind::Refused): this digest or its recipient is never accepted: no such
    ///   mailbox, or an invalid address. Its messages count as mailed.
    /// - [`Deferred`](super::TransportErrorKind::Deferred): this digest or its recipient is not accepted for now: a
    ///   full mailbox, greylisting, a text that a filter or a template rejects. It is retried after a longer pause each
    ///   time, and not before `retry_after` (at most 4 hours), until
    ///   [`DigestPolicy::deferrals`](crate::DigestPolicy::deferrals) of them count; then its messages count as mailed.
    ///   A deferral counts if the server accepted an e-mail to the same domain since this user's previous one.
    /// - [`Unavailable`](super::TransportErrorKind::Unavailable): the mail server cannot be reached, or asks for a
    ///   later retry regardless of the recipient. [`Busy`](super::TransportErrorKind::Busy) is treated alike.
    /// - [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown): the connection was lost, or the time limit
    ///   expired, before the server's answer.
    /// - [`Misconfigured`](super::TransportErrorKind::Misconfigured): a wrong password, a sender address that the
    ///   server refuses, an exhausted quota. It is retried until the configuration is corrected, and no digest is lost.
    async fn send(&self, digest: &Digest) -> Result<(), TransportError>;
}

/// One e-mail to one user about the unread messages in all their conversations.
///
/// All texts of users are unescaped: escape them where they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The id; a repetition has the same one.
    pub id: DigestId,
    /// The recipient.
    pub user_id: UserId,
    /// The recipient's name; empty if the directory does not know it.
    pub name: String,
    /// The recipient's address, as the host returns it; never empty.
    pub email: String,
    /// The recipient's language and time zone, as far as known.
    pub contact: Contact,
    /// When the digest was composed.
    pub at: Timestamp,
    /// The number of unread messages, including those not shown; at least 1.
    pub messages: u64,
    /// The conversations shown, the longest waiting first; at least one.
    pub conversations: Vec<DigestConversation>,
    /// The number of further conversations with unread messages.
    pub more_conversations: u64,
}

/// One conversation of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestConversation {
    /// The id of the conversation.
    pub conversation_id: ConversationId,
    /// The recipient's side.
    pub side: Side,
    /// The name of the other side: the business's or the client's; empty if the directory does not know it.
    pub from: String,
    /// The most recently linked booking.
    pub booking: Option<DigestBooking>,
    /// The number of messages that are new to the recipient; at least 1.
    pub messages: u64,
    /// The first of these messages, the oldest first; at least one.
    pub first: Vec<DigestMessage>,
}

/// The booking of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestBooking {
    /// The id of the booking.
    pub id: BookingId,
    /// The profile; blank if the directory does not know it.
    pub profile: BookingProfile,
}

/// One message of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestMessage {
    /// The sender: a user of the other side, or the host.
    pub origin: Origin,
    /// The whole text.
    pub body: Body,
    /// When it was sent.
    pub sent_at: Timestamp,
}
