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
    /// Hands one digest to the mail server, and returns when the server has taken it.
    ///
    /// The same digest may be handed over again: after [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown), or
    /// after a crash before its record. It then has the same [id](Digest::id), and holds nothing that the first
    /// did not: a `Message-ID` made from the id lets a mailbox know the two for one.
    ///
    /// # Errors
    /// - [`Refused`](super::TransportErrorKind::Refused): this digest or its recipient will not be taken, however often it is
    ///   tried: no such mailbox, no address at all. What it is about counts as mailed.
    /// - [`Deferred`](super::TransportErrorKind::Deferred): this digest or its recipient is not taken for now: a full mailbox,
    ///   greylisting, a text that a filter or a template will not have. It is tried again, after a longer pause each time
    ///   and not before `retry_after` (at most 4 hours), until
    ///   [`DigestPolicy::deferrals`](crate::DigestPolicy::deferrals) of them count; then what it is about counts as mailed.
    ///   A deferral counts if the server accepted an e-mail to the same domain since this user's previous one.
    /// - [`Unavailable`](super::TransportErrorKind::Unavailable): the mail server cannot be reached, or asks to come back later,
    ///   for any recipient. [`Busy`](super::TransportErrorKind::Busy) is treated alike.
    /// - [`OutcomeUnknown`](super::TransportErrorKind::OutcomeUnknown): the connection was lost, or the time was over, before the
    ///   server's answer came.
    /// - [`Misconfigured`](super::TransportErrorKind::Misconfigured): a wrong password, a sender that the server refuses, a quota
    ///   that is used up. It is tried again until that is corrected, and nothing is lost.
    async fn send(&self, digest: &Digest) -> Result<(), TransportError>;
}

/// One e-mail to one user about what is unread for them, in all their conversations.
///
/// Everything that people wrote is as they wrote it: to be escaped where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Stays the same when it is sent again.
    pub id: DigestId,
    /// To whom.
    pub user_id: UserId,
    /// Their name; empty when the directory does not say.
    pub name: String,
    /// Their address, as the host has it; never empty.
    pub email: String,
    /// In which language and time zone, as far as known.
    pub contact: Contact,
    /// When it was composed.
    pub at: Timestamp,
    /// How many messages it is about, shown or not; at least 1.
    pub messages: u64,
    /// The conversations that it shows, the longest waiting first; at least one.
    pub conversations: Vec<DigestConversation>,
    /// How many more conversations it is about.
    pub more_conversations: u64,
}

/// One conversation of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestConversation {
    /// Which.
    pub conversation_id: ConversationId,
    /// The recipient's side of it.
    pub side: Side,
    /// Who is on the other side: the business's name, or the client's; empty when the directory does not say.
    pub from: String,
    /// The booking linked last.
    pub booking: Option<DigestBooking>,
    /// How many messages are new to the recipient; at least 1.
    pub messages: u64,
    /// The first of them, oldest first; at least one.
    pub first: Vec<DigestMessage>,
}

/// The booking that a conversation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestBooking {
    /// Which.
    pub id: BookingId,
    /// How it is shown; blank when the directory does not say.
    pub profile: BookingProfile,
}

/// One message of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestMessage {
    /// Who wrote it: the other side, or the system.
    pub origin: Origin,
    /// All of it.
    pub body: Body,
    /// When it was sent.
    pub sent_at: Timestamp,
}
