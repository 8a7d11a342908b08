//! The mailer: sends digests to users who are away.

use async_trait::async_trait;

use super::TransportError;
use crate::{
    domain::{message::Origin, shown::Shown, side::Side},
    host::directory::{BookingProfile, Contact},
    id::{BookingId, ConversationId, DigestId, UserId},
    time::Timestamp,
    with::with,
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
#[non_exhaustive]
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

impl Digest {
    /// A digest of these conversations and their messages, to a recipient whose name is unknown.
    pub fn new(
        id: DigestId,
        user_id: UserId,
        email: String,
        at: Timestamp,
        conversations: Vec<DigestConversation>,
    ) -> Self {
        Self {
            id,
            user_id,
            name: String::new(),
            contact: Contact::at(email.as_str()),
            email,
            at,
            messages: conversations.iter().map(|one| one.messages).sum(),
            conversations,
            more_conversations: 0,
        }
    }

    with! {
        with_name name: String,
        with_contact contact: Contact,
        with_messages messages: u64,
        with_more_conversations more_conversations: u64,
    }
}

/// One conversation of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

impl DigestConversation {
    /// A conversation with these new messages, whose other side has no known name.
    pub fn new(conversation_id: ConversationId, side: Side, first: Vec<DigestMessage>) -> Self {
        Self {
            conversation_id,
            side,
            from: String::new(),
            booking: None,
            messages: first.len() as u64,
            first,
        }
    }

    with! {
        with_from from: String,
        with_booking booking: Option<DigestBooking>,
        with_messages messages: u64,
    }

    /// Whether the host itself sent all new messages: the conversation is then not news of the other side. `false` while
    /// there are more than those in [`first`](Self::first), whose senders are not known here.
    pub fn is_from_host(&self) -> bool {
        let of_host = |message: &DigestMessage| matches!(message.origin, Origin::System { .. });
        self.messages == self.first.len() as u64 && self.first.iter().all(of_host)
    }
}

/// The booking of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestBooking {
    /// The id of the booking.
    pub id: BookingId,
    /// The profile; blank if the directory does not know it.
    pub profile: BookingProfile,
}

impl DigestBooking {
    /// A booking as the directory knows it.
    pub const fn new(id: BookingId, profile: BookingProfile) -> Self {
        Self { id, profile }
    }
}

/// One message of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestMessage {
    /// The sender: a user of the other side, or the host.
    pub origin: Origin,
    /// The whole text, as the recipient is shown it.
    pub text: Shown,
    /// When it was sent.
    pub sent_at: Timestamp,
}

impl DigestMessage {
    /// A message.
    pub const fn new(origin: Origin, text: Shown, sent_at: Timestamp) -> Self {
        Self {
            origin,
            text,
            sent_at,
        }
    }
}
