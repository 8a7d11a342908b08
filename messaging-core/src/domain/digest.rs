//! Digests: e-mails about unread messages to users who are away, and when they are due.
//!
//! The first unread message addressed to a side makes the side *due* after a [delay]. Reading all messages ends that;
//! later messages do not postpone it. When a user has a side due, [`decide`] considers all messages that the user has
//! neither read nor been mailed, in all conversations. It decides whether one e-mail about all of them is sent now, or
//! when to check again.
//!
//! The mailed messages are a watermark, as the read ones are: `mailed` is the received position up to which a side's
//! messages have been in an e-mail, or count as mailed. It only grows, so a repetition has no effect.
//!
//! [delay]: super::digest_policy::DigestPolicy::delay
//! [`decide`]: super::digest_policy::DigestPolicy::decide

use super::side::Side;
use crate::{id::ConversationId, time::Timestamp, with::with};

/// The progress of digests about one side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DigestMark {
    /// The received position up to which messages have been mailed, or count as mailed; at most `received`.
    pub mailed: u64,
    /// When to check whether a digest is due: perhaps too early, never too late. `None` if no check is needed.
    pub due_at: Option<Timestamp>,
}

impl DigestMark {
    with! {
        with_mailed mailed: u64,
        with_due_at due_at: Option<Timestamp>,
    }
}

/// A part of a digest: one side of one conversation, up to a received position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Extent {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The side.
    pub side: Side,
    /// The received position of the last message included.
    pub up_to: u64,
}

impl Extent {
    /// An extent.
    pub fn new(conversation_id: ConversationId, side: Side, up_to: u64) -> Self {
        Self {
            conversation_id,
            side,
            up_to,
        }
    }
}
