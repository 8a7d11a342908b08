use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    domain::{
        conversation::Conversation,
        receipt::{MessageRow, Receipt},
    },
    id::{BookingId, ConversationId, MessageId, UserId, WorkerId},
    time::Timestamp,
};

/// The events that are committed and not yet published.
///
/// Each conversation numbers its events 1, 2, 3 … in commit order. A conversation that has unpublished
/// ones has a *lane*: a row that says from which number on, and which worker is publishing them until when.
/// Who owns a lane publishes its entries in order; nobody else touches them until the lease is over.
///
/// What an owner does to a lane names the lease under which it does so. It counts only while the lane has
/// that owner and that very lease: a claim since then, by the same worker too, has made it void.
///
/// The contract of the [module](super) holds for every method.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Gives the lanes whose lease or delay is over to a worker, the longest waiting first: each lane to one
    /// claimer only, whoever claims at the same time. A lane that another step is at just then may be passed over:
    /// it stays due, for a later claim.
    ///
    /// # Errors
    /// [`ReadOnly`](super::StoreErrorKind::ReadOnly) when this store admits no workers of this process.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError>;

    /// For each lane given, its entries from `lane.head` on, in order, at most `per_lane`, with what is
    /// needed to publish them. One call for all.
    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError>;

    /// Forgets published entries. A lane that has no others ends; the rest keep their owner, with the new
    /// lease, and are returned with the new head and no failures. A lane that `by` does not own under the
    /// lease named is left as it is, and is not returned.
    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError>;

    /// Lets go of lanes that `by` owns under the leases named: each is due again, for anyone, at its time.
    /// Others are left as they are.
    async fn defer_lanes(&self, by: WorkerId, delays: &[LaneDeferral]) -> Result<(), StoreError>;

    /// Moves an entry from its lane to the dead letters, with the reason, if `by` owns the lane under its
    /// lease.
    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// At most `limit` dead letters after a position, or from the first one on (`None`), ordered by
    /// [position](DeadLetter::position): oldest first. No dead letter needs to be at the position any more. A walk that
    /// continues after the last one listed meets each dead letter that existed throughout exactly once.
    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Moves a dead letter back to the unpublished events.
    /// It is one more event of its conversation, the newest: under a new number, of the same kind, and with
    /// the time of the step, so that the backlog is no older than its wait. No number is ever used again.
    /// Nothing else of the conversation changes: no message, counter, receipt or access version, and not its activity.
    ///
    /// Of two who requeue the same one, at once or one after the other, one does it, and the other is told
    /// [`NotFound`](Requeued::NotFound). So it may be repeated when its outcome is unknown.
    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError>;

    /// How much is waiting to be published.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Tries whether the store takes writes, by one that changes nothing that anyone sees. A store that cannot try says
    /// that it does.
    ///
    /// # Errors
    /// What a step that writes would fail with just now.
    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        let _ = now;
        Ok(())
    }
}

/// Which lanes a worker wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The worker.
    pub by: WorkerId,
    /// Until when the lanes' leases and delays must be over.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// Lanes that have been due since before then may be passed over; a store that finds them as cheaply gives
    /// them all the same. [`Timestamp::EPOCH`] passes over none.
    pub since: Timestamp,
    /// At most how many.
    pub limit: usize,
}

impl Claim {
    /// A claim that passes over none.
    pub fn new(by: WorkerId, now: Timestamp, lease_until: Timestamp, limit: usize) -> Self {
        Self {
            by,
            now,
            lease_until,
            since: Timestamp::EPOCH,
            limit,
        }
    }

    /// The same claim, by which lanes that have been due since before then may be passed over.
    pub fn since(self, since: Timestamp) -> Self {
        Self { since, ..self }
    }
}

/// Who publishes the entry of a step, should the step have to create the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// This worker, from memory, at once: the lane is its own until then.
    Worker {
        /// The worker.
        id: WorkerId,
        /// Until when nobody else may claim the lane.
        lease_until: Timestamp,
    },
    /// Whoever claims it first: the lane is nobody's, and due at once.
    Anyone,
}

/// A conversation with unpublished events, as its owner holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number of its first unpublished event.
    pub head: u64,
    /// Until when the owner alone may publish.
    pub lease_until: Timestamp,
    /// How often in a row publishing failed because the transport did; at most `u32::MAX`.
    pub tries: u32,
    /// How often in a row the event at the head was refused.
    pub refusals: u32,
}

/// One event to publish, as a reference to what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// Its number there.
    pub number: u64,
    /// What happened.
    pub kind: EntryKind,
    /// When.
    pub at: Timestamp,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// The message with this seq was stored.
    Message {
        /// The seq.
        seq: u64,
    },
    /// A side read up to this seq.
    Read {
        /// The side.
        side: crate::domain::side::Side,
        /// The seq.
        up_to_seq: u64,
    },
    /// The conversation was opened, linked to a booking, blocked, closed, or the like.
    Updated,
}

/// An entry with what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedEntry {
    /// The entry.
    pub entry: Entry,
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// What the entry names.
    pub subject: Subject,
    /// The user whose access to the conversation this change has ended: by a reassignment or an erasure. Kept with the
    /// entry, since the conversation has forgotten them by the time another process publishes; gone with it, and not
    /// kept in a dead letter.
    pub lost_access: Option<UserId>,
}

/// What an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The message.
    Message(MessageRow),
    /// The receipt, and what it newly covered.
    Read {
        /// The receipt.
        receipt: Receipt,
        /// The other side's messages between the reader's previous receipt and this one, oldest first; at
        /// most the newest [`MAX_READ_IDS`](Self::MAX_READ_IDS). No message of the system is among them.
        message_ids: Vec<MessageId>,
    },
    /// The conversation's state.
    Updated {
        /// The booking linked last.
        booking_id: Option<BookingId>,
    },
}

impl Subject {
    /// The most messages that a receipt's event lists.
    pub const MAX_READ_IDS: usize = 100;
}

/// How far a lane has been published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The lane's conversation.
    pub conversation_id: ConversationId,
    /// The lease under which this is said.
    pub lease_until: Timestamp,
    /// The number of the last event that was published or moved to the dead letters.
    pub up_to: u64,
}

/// A lane to let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneDeferral {
    /// The lane's conversation.
    pub conversation_id: ConversationId,
    /// The lease under which this is said.
    pub lease_until: Timestamp,
    /// When it may be claimed again.
    pub until: Timestamp,
    /// Why.
    pub failure: LaneFailure,
}

/// Why a lane is let go of before it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneFailure {
    /// Not for a failure: the counts stay.
    None,
    /// The transport failed: counts as a try.
    Transport,
    /// The transport refused the event at the head: counts as a refusal.
    Refused,
}

/// An event that the transport refused for good. Clients heal by refetching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The entry.
    pub entry: Entry,
    /// What the transport said.
    pub why: String,
    /// When it became a dead letter.
    pub at: Timestamp,
}

impl DeadLetter {
    /// Its position among all dead letters.
    pub fn position(&self) -> DeadLetterPosition {
        DeadLetterPosition {
            at: self.at,
            conversation_id: self.entry.conversation_id,
            number: self.entry.number,
        }
    }
}

/// The position of a dead letter, ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterPosition {
    /// When it became a dead letter.
    pub at: Timestamp,
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// Its number there.
    pub number: u64,
}

/// An event that is to be published after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue {
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// Its number there.
    pub number: u64,
    /// Now: the time of the new entry.
    pub now: Timestamp,
    /// Who publishes it, should the conversation have nothing else to publish.
    pub publisher: Publisher,
}

/// What came of requeueing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It is to be published.
    Done {
        /// The lane, if this created it for its publisher.
        lane: Option<Lane>,
    },
    /// There is no such dead letter, or not any more.
    NotFound,
}

/// How much is waiting to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many conversations have unpublished events; at least [`MOST`](Self::MOST) where a store stops counting there.
    pub lanes: u64,
    /// When the oldest unpublished event was committed, of those counted.
    pub oldest: Option<Timestamp>,
    /// How many dead letters there are; at least [`MOST`](Self::MOST) where a store stops counting there.
    pub dead_letters: u64,
}

impl Backlog {
    /// How far a store counts at least: a probe is not to cost more, however far publishing is behind.
    pub const MOST: u64 = 10_000;

    /// How long the oldest unpublished event has been waiting.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| now.since(oldest))
    }
}
