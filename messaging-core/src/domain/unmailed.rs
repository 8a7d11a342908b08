//! What a side has neither read nor been mailed.

use super::{conversation::Conversation, digest::Extent, side::Side};
use crate::{id::UserId, time::Timestamp};

/// A side with messages that it has neither read nor been mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmailed {
    /// The conversation.
    pub conversation: Conversation,
    /// The side.
    pub side: Side,
    /// When the oldest of these messages was sent.
    pub oldest: Timestamp,
}

impl Unmailed {
    /// Messages that are not mailed.
    pub fn new(conversation: Conversation, side: Side, oldest: Timestamp) -> Self {
        Self {
            conversation,
            side,
            oldest,
        }
    }
}

impl Unmailed {
    /// The user on the side.
    pub const fn user(&self) -> &UserId {
        self.conversation.user(self.side)
    }

    /// The extent with all these messages.
    pub const fn extent(&self) -> Extent {
        Extent {
            conversation_id: self.conversation.id,
            side: self.side,
            up_to: self.conversation.counters.of(self.side).received,
        }
    }
}

impl Conversation {
    /// The received position up to which a side's messages have been read or mailed.
    pub fn read_or_mailed(&self, side: Side) -> u64 {
        self.counters.of(side).read.max(self.digests.of(side).mailed)
    }

    /// The number of messages within an extent that are neither read nor mailed.
    pub fn unmailed_within(&self, extent: &Extent) -> u64 {
        let received = self.counters.of(extent.side).received;
        extent
            .up_to
            .min(received)
            .saturating_sub(self.read_or_mailed(extent.side))
    }

    /// Whether a side has messages that are neither read nor mailed.
    pub fn is_unmailed(&self, side: Side) -> bool {
        self.read_or_mailed(side) < self.counters.of(side).received
    }

    /// Marks a side's messages as mailed, up to a received position. Later messages are checked at `again_at`.
    pub fn mail(&mut self, side: Side, up_to: u64, again_at: Timestamp) {
        let received = self.counters.of(side).received;
        let mark = self.digests.of_mut(side);
        mark.mailed = mark.mailed.max(up_to.min(received));
        let is_unmailed = self.is_unmailed(side);
        self.digests.of_mut(side).due_at = is_unmailed.then_some(again_at);
    }

    /// Postpones an earlier due time to `until`.
    pub fn hold_digest(&mut self, side: Side, until: Timestamp) {
        let mark = self.digests.of_mut(side);
        mark.due_at = mark.due_at.map(|due_at| due_at.max(until));
    }
}
