//! A lane, its owner, and its progress.

use crate::{
    id::{ConversationId, WorkerId},
    time::Timestamp,
    with::with,
};

/// The owner of the lane that a step creates. A step on a conversation with a lane does not change the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// This worker, which publishes the event from memory at once. The step [returns](super::CommittedEntry::lane) the
    /// lane.
    Worker {
        /// The worker.
        id: WorkerId,
        /// The end of the lease.
        lease_until: Timestamp,
    },
    /// No worker: the lane can be claimed from the step's `now` on, which may be before the entry's time if the clock
    /// was set back. The step returns no lane.
    Anyone,
}

/// A lane of a conversation, as its owner holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number of its first unpublished event.
    pub head: u64,
    /// The end of the lease, until which only the owner publishes.
    pub lease_until: Timestamp,
    /// The number of consecutive failures of the transport. Saturates at `u32::MAX`, as `refusals` does.
    pub tries: u32,
    /// The number of consecutive refusals of the first unpublished event.
    pub refusals: u32,
}

impl Lane {
    /// A lane of which no publishing has failed.
    pub fn new(conversation_id: ConversationId, head: u64, lease_until: Timestamp) -> Self {
        Self {
            conversation_id,
            head,
            lease_until,
            tries: 0,
            refusals: 0,
        }
    }

    with! {
        with_head head: u64,
        with_lease_until lease_until: Timestamp,
        with_tries tries: u32,
        with_refusals refusals: u32,
    }
}

/// The progress of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The lane's conversation.
    pub conversation_id: ConversationId,
    /// The end of the lease under which the worker acts.
    pub lease_until: Timestamp,
    /// The number of the last event that was published or became a dead letter; `head - 1` if none has.
    pub up_to: u64,
}

impl Progress {
    /// The progress of a lane under a lease.
    pub fn new(conversation_id: ConversationId, lease_until: Timestamp, up_to: u64) -> Self {
        Self {
            conversation_id,
            lease_until,
            up_to,
        }
    }
}

/// A deferral: ends the lease of a lane before it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneDeferral {
    /// The lane's conversation.
    pub conversation_id: ConversationId,
    /// The end of the lease under which the worker acts.
    pub lease_until: Timestamp,
    /// When the lane can be claimed again.
    pub until: Timestamp,
    /// The reason.
    pub failure: LaneFailure,
}

impl LaneDeferral {
    /// A deferral that follows no failure.
    pub fn new(conversation_id: ConversationId, lease_until: Timestamp, until: Timestamp) -> Self {
        Self {
            conversation_id,
            lease_until,
            until,
            failure: LaneFailure::None,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_failure failure: LaneFailure,
    }
}

/// The reason of a deferral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneFailure {
    /// No failure: the counts are unchanged.
    None,
    /// The transport failed: `tries` is incremented.
    Transport,
    /// The transport refused the first unpublished event: `refusals` is incremented.
    Refused,
}
