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
    with::with,
};

/// The outbox: events that are committed and not yet published.
///
/// The events of each conversation are numbered 1, 2, 3 … in commit order. A conversation with unpublished events has
/// a *lane*: a queue with a lease, which holds the number of its first event, its owner, and the end of the lease. The
/// owner publishes the entries in order, and no other worker can claim the lane until the lease expires. A lane begins
/// with the first unpublished event and ends when the last one is [acknowledged](Self::acknowledge). An event committed
/// meanwhile joins the lane, and changes neither its owner nor its lease.
///
/// A worker names the lease under which it acts on a lane. The call takes effect only while the lane has that owner and
/// exactly that lease. After any later claim, even by the same worker, it changes nothing.
///
/// The contract of the [module](super) holds for every method.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Claims up to `limit` lanes whose lease or deferral has expired, longest waiting first. Each lane is leased to at
    /// most one worker, even under concurrent claims.
    ///
    /// A lane that another step has locked may be skipped; it stays due. For some minutes a lane may also be skipped if it
    /// was committed more than a lease after its due time: by another process, or by a transaction of the host. A
    /// [full scan](Scan::Full) does not skip it for that.
    ///
    /// # Errors
    /// [`ReadOnly`](super::StoreErrorKind::ReadOnly) if this store does not admit workers of this process.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError>;

    /// Loads the entries of each lane in order, starting with `lane.head`, at most `per_lane` of each, with the data
    /// needed to publish them. Checks no lease; a missing lane has no entries.
    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError>;

    /// Removes published entries from lanes. A lane without further entries ends. Any other lane keeps its owner, gets
    /// the new lease, the head [`up_to`](Progress::up_to)` + 1` and no failures, and is returned. A lane that `by` does
    /// not own under the named lease is unchanged, and not returned.
    ///
    /// [`up_to`](Progress::up_to) may name an entry that no longer exists, and the one before the head. This ends a
    /// lane whose last entries became dead letters.
    ///
    /// A store may answer late: it may join the step with others for up to 50 ms, so that one commit serves several. The
    /// worker publishes other lanes meanwhile. An acknowledgement need not survive a crash of the backend: if it is lost,
    /// its entries are published a second time, in order, when the lease expires. Nothing else is lost, since only an
    /// acknowledgement removes an entry.
    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError>;

    /// Ends the leases of lanes that `by` owns under the named leases: any worker can claim them from
    /// [`until`](LaneDeferral::until) on. Other lanes are unchanged.
    async fn defer_lanes(&self, by: WorkerId, delays: &[LaneDeferral]) -> Result<(), StoreError>;

    /// Moves an entry from its lane to the dead letters, with the reason, if `by` owns the lane under its lease and the
    /// lane has the entry; otherwise changes nothing. The lane stays, even without entries, until it is acknowledged.
    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Lists up to `limit` dead letters, starting after a position or with the first one (`None`), ordered by
    /// [position](DeadLetter::position), oldest first. The position need not exist any more. Paging with the position
    /// of the last one returned visits each dead letter that exists throughout exactly once.
    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Moves a dead letter back to the unpublished events.
    ///
    /// It becomes the newest event of its conversation: with a new number, the same kind, and the time of the step, so
    /// that the backlog's age does not include the time as a dead letter. Numbers are never reused. The rest of the
    /// conversation is unchanged: messages, counters, receipts, access version and activity.
    ///
    /// Of several calls for one dead letter, concurrent or not, one requeues it and the others return
    /// [`NotFound`](Requeued::NotFound). So a call with an unknown outcome can be repeated.
    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError>;

    /// Counts the unpublished conversations and the dead letters.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Tests whether the store takes writes, by a write without visible effect. The default returns `Ok`.
    ///
    /// # Errors
    /// The error that a writing step would return now.
    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        let _ = now;
        Ok(())
    }
}

/// A worker's request for due lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The worker.
    pub by: WorkerId,
    /// The current time: lanes whose lease or deferral ends at or before it may be claimed.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// The maximum number of lanes.
    pub limit: usize,
    /// How far back to look.
    pub scan: Scan,
}

impl Claim {
    /// Creates a claim with the usual scan.
    pub fn new(by: WorkerId, now: Timestamp, lease_until: Timestamp, limit: usize) -> Self {
        Self {
            by,
            now,
            lease_until,
            limit,
            scan: Scan::Usual,
        }
    }

    /// Sets [`scan`](Self::scan).
    pub fn with_scan(self, scan: Scan) -> Self {
        Self { scan, ..self }
    }
}

/// The range in which a claim scans for due lanes. A store whose every claim finds all due lanes ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// The store may skip a range in which earlier claims have found all due lanes.
    #[default]
    Usual,
    /// No range is skipped. Workers ask for it after a transaction of the host, whose commit may be late.
    Full,
}

/// The owner of the lane that a step creates. A step on a conversation with a lane does not change the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// This worker, which publishes the event from memory at once. The step [returns](CommittedEntry::lane) the lane.
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

/// The outbox entry that a step has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommittedEntry {
    /// Its number in its conversation, under which [`load_entries`](OutboxStore::load_entries) gives it. Always there, so
    /// that a worker that owns the lane can publish the entry from memory.
    pub number: u64,
    /// The lane that begins with it, if the step created one for a [`Publisher::Worker`].
    pub lane: Option<Lane>,
}

impl CommittedEntry {
    /// An entry that joined a lane, or whose lane has no owner.
    pub const fn new(number: u64) -> Self {
        Self { number, lane: None }
    }

    /// The same entry with the lane that its step created for its publisher, `None` if it created none.
    pub fn with_lane(self, lane: Option<Lane>) -> Self {
        Self { lane, ..self }
    }
}

/// One event to publish, as a reference to its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its number in the conversation.
    pub number: u64,
    /// The kind of the event.
    pub kind: EntryKind,
    /// The time: the message's `created_at`, the receipt's `read_at`, or the `now` of any other step.
    pub at: Timestamp,
}

impl Entry {
    /// An entry.
    pub fn new(conversation_id: ConversationId, number: u64, kind: EntryKind, at: Timestamp) -> Self {
        Self {
            conversation_id,
            number,
            kind,
            at,
        }
    }
}

/// The kind of an event.
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
    /// The conversation was opened, linked to a booking, or changed.
    Updated,
}

/// An entry with the data needed to publish it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedEntry {
    /// The entry.
    pub entry: Entry,
    /// The current conversation.
    pub conversation: Conversation,
    /// The subject of the entry.
    pub subject: Subject,
    /// The user whose access to the conversation this change has ended, by a reassignment or an erasure. Stored with
    /// the entry, since the conversation no longer names the user when another process publishes. Removed with the
    /// entry, and not kept in a dead letter.
    pub lost_access: Option<UserId>,
}

impl LoadedEntry {
    /// An entry that ended no access.
    pub fn new(entry: Entry, conversation: Conversation, subject: Subject) -> Self {
        Self {
            entry,
            conversation,
            subject,
            lost_access: None,
        }
    }

    with! {
        with_lost_access lost_access: Option<UserId>,
    }
}

/// The subject of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The message.
    Message(MessageRow),
    /// The receipt, and the messages that it newly covers.
    Read {
        /// The receipt.
        receipt: Receipt,
        /// The messages of users of the other side with a seq above that of the reader's previous receipt, up to that
        /// of this one, oldest first; at most the newest [`MAX_READ_IDS`](Self::MAX_READ_IDS). System messages are left
        /// out.
        message_ids: Vec<MessageId>,
    },
    /// The conversation's state.
    Updated {
        /// The most recently linked booking.
        booking_id: Option<BookingId>,
    },
}

impl Subject {
    /// The maximum number of messages in a receipt's event.
    pub const MAX_READ_IDS: usize = 100;
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

/// A dead letter: an event that the transport refused permanently. Clients recover by refetching.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The entry.
    pub entry: Entry,
    /// The text of the refusal.
    pub why: String,
    /// When it became a dead letter.
    pub at: Timestamp,
}

impl DeadLetter {
    /// A dead letter.
    pub fn new(entry: Entry, why: String, at: Timestamp) -> Self {
        Self { entry, why, at }
    }
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
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The entry's number in the conversation.
    pub number: u64,
}

/// A dead letter to publish again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requeue {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The entry's number in the conversation.
    pub number: u64,
    /// The current time, which becomes the time of the new entry.
    pub now: Timestamp,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl Requeue {
    /// The step.
    pub fn new(conversation_id: ConversationId, number: u64, now: Timestamp, publisher: Publisher) -> Self {
        Self {
            conversation_id,
            number,
            now,
            publisher,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_publisher publisher: Publisher,
    }
}

/// The outcome of requeueing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requeued {
    /// The event is unpublished again, as this entry.
    Done(CommittedEntry),
    /// There is no such dead letter, or no longer.
    NotFound,
}

/// The amount of unpublished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// The number of conversations with unpublished events; a store that stops counting at
    /// [`MAX_COUNT`](Self::MAX_COUNT) returns at least that.
    pub lanes: u64,
    /// The time of the oldest unpublished event among those counted.
    pub oldest: Option<Timestamp>,
    /// When the first lane is due, of those counted; `None` without a lane. It lies in the past while no worker claims that
    /// lane, and in the future while all lanes are leased or deferred.
    pub next_due: Option<Timestamp>,
    /// The number of dead letters; a store that stops counting at [`MAX_COUNT`](Self::MAX_COUNT) returns at least that.
    pub dead_letters: u64,
}

impl Backlog {
    with! {
        with_lanes lanes: u64,
        with_oldest oldest: Option<Timestamp>,
        with_next_due next_due: Option<Timestamp>,
        with_dead_letters dead_letters: u64,
    }
}

impl Backlog {
    /// The number up to which a store must count. It may stop there, so that the cost of a probe is bounded.
    pub const MAX_COUNT: u64 = 10_000;

    /// The age of the oldest unpublished event; `None` without one.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| now.since(oldest))
    }

    /// How long the first due lane has been waiting for a worker; `None` where no lane is due.
    pub fn unclaimed_for(&self, now: Timestamp) -> Option<Duration> {
        let due = self.next_due.filter(|due| *due <= now);
        due.map(|due| now.since(due))
    }
}
