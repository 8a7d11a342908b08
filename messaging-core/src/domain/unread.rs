//! The unread count of a side.
//!
//! Unread is the difference of two counters, `received - read`. Sending increments the other side's `received`. Reading
//! up to a message sets `read` to the larger of its value and the message's position. Both operations commute, so the
//! count stays exact under any interleaving, retry or crash.

use crate::{time::Timestamp, with::with};

/// The messages that one side has received and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UnreadCounter {
    /// The number of messages addressed to this side.
    pub received: u64,
    /// The number of received messages up to the last one read; at most `received`.
    pub read: u64,
    /// The last message read, and when; `None` until the side has read a message.
    pub last_read: Option<ReadMark>,
}

impl UnreadCounter {
    with! {
        with_received received: u64,
        with_read read: u64,
        with_last_read last_read: Option<ReadMark>,
    }
}

impl UnreadCounter {
    /// The number of unread messages of this side.
    pub const fn unread(&self) -> u64 {
        self.received.saturating_sub(self.read)
    }

    /// Grows with every change of the unread count: of two counts, the one with the greater version is newer.
    pub const fn version(&self) -> u64 {
        self.received + self.read
    }
}

/// The read position of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadMark {
    /// The seq of the last message read.
    pub up_to_seq: u64,
    /// When the side read up to it.
    pub at: Timestamp,
}

impl ReadMark {
    /// A mark.
    pub fn new(up_to_seq: u64, at: Timestamp) -> Self {
        Self { up_to_seq, at }
    }
}
