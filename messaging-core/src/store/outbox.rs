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

/// The events that are committed and not yet published.
///
/// Each conversation numbers its events 1, 2, 3 … in commit order. A conversation with unpublished events has a *lane*:
/// a queue with a lease, which says which number comes first and which worker publishes until when. The owner publishes
/// the entries in order, and no other worker gets the lane before the lease is over. A lane begins with the first
/// unpublished event and ends when the last one is [acknowledged](Self::acknowledge); an event that is committed
/// meanwhile joins it and changes neither its owner nor its lease.
///
/// A worker names the lease under which it acts on a lane. The call takes effect only while the lane has that owner and
/// exactly that lease; after any later claim, even one by the same worker, it changes nothing.
///
/// The contract of the [module](super) holds for every method.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Claims up to `limit` due lanes, the longest waiting first. A lane is due whose lease or deferral is over. Each is
    /// leased to at most one worker, even under concurrent claims.
    ///
    /// A lane may be skipped, and stays due for a later claim, while another step holds it locked. For some minutes it may
    /// also be skipped where it was committed more than a lease after the time from which it is due: by another process,
    /// or by a transaction of the host's. A [full scan](Scan::Full) does not skip it for that.
    ///
    /// # Errors
    /// [`ReadOnly`](super::StoreErrorKind::ReadOnly) when this store admits no workers of this process.
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError>;

    /// The entries of each lane from `lane.head` on, in order, at most `per_lane` of each, with what is needed to publish
    /// them. One call for all lanes. Only reads: no lease is checked, and a lane that is not there has no entries.
    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError>;

    /// Removes the published entries of lanes. A lane without further entries ends. Any other keeps its owner and gets
    /// the new lease, the head [`up_to`](Progress::up_to)` + 1` and no failures, and is returned. A lane that `by` does
    /// not own under the lease named is left as it is, and is not returned.
    ///
    /// [`up_to`](Progress::up_to) may name an entry that is not there any more, also the one before the head: that is how
    /// a lane ends whose last entries became dead letters.
    ///
    /// A store may answer late: it may join the step with others for up to 50 ms, so that one commit serves several. The
    /// worker publishes other lanes meanwhile, and continues with these after the answer. An acknowledgement need not
    /// survive a crash of the backend: if it is lost, its entries are published a second time, in order, when the lease is
    /// over. Nothing else is lost, since an entry is removed by its acknowledgement alone.
    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError>;

    /// Ends the leases of lanes that `by` owns under the leases named: each can be claimed by any worker from its
    /// [`until`](LaneDeferral::until) on. Other lanes are left as they are.
    async fn defer_lanes(&self, by: WorkerId, delays: &[LaneDeferral]) -> Result<(), StoreError>;

    /// Moves an entry from its lane to the dead letters, with the reason, if `by` owns the lane under its lease and the
    /// entry is in it; else changes nothing. The lane stays as it is, even without entries, until it is acknowledged.
    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// At most `limit` dead letters after a position, or from the first one on (`None`), ordered by
    /// [position](DeadLetter::position), oldest first. The dead letter at the position may be gone. A walk that continues
    /// after the last one listed returns each dead letter that existed throughout exactly once.
    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Moves a dead letter back to the unpublished events.
    ///
    /// It becomes the newest event of its conversation: under a new number, of the same kind, and with the time of the
    /// step, so that the backlog's age is that of the wait. No number is ever used again. Nothing else of the
    /// conversation changes: no message, counter, receipt or access version, and not its activity.
    ///
    /// Of several calls for one dead letter, concurrent or not, one requeues it and the others answer
    /// [`NotFound`](Requeued::NotFound). So a call whose outcome is unknown may be repeated.
    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError>;

    /// Counts what is waiting to be published.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Tests whether the store takes writes, by a write without visible effect. The default answers that it does.
    ///
    /// # Errors
    /// The error with which a step that writes would fail now.
    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        let _ = now;
        Ok(())
    }
}

/// Which lanes a worker wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The worker.
    pub by: WorkerId,
    /// Now: a lane may be claimed whose lease or deferral ends at or before this.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// At most how many.
    pub limit: usize,
    /// How far back to look.
    pub scan: Scan,
}

impl Claim {
    /// A claim as a worker makes it several times a second.
    pub fn new(by: WorkerId, now: Timestamp, lease_until: Timestamp, limit: usize) -> Self {
        Self {
            by,
            now,
            lease_until,
            limit,
            scan: Scan::Usual,
        }
    }

    /// The same claim with another [`scan`](Self::scan).
    pub fn with_scan(self, scan: Scan) -> Self {
        Self { scan, ..self }
    }
}

/// How far back a claim looks for due lanes. A store whose every claim finds all of them ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// As far as the store finds sensible: what earlier claims have seen need not be scanned again.
    #[default]
    Usual,
    /// Everything. Asked for after the host has committed something in its own transaction, where that may have taken
    /// long.
    Full,
}

/// The owner of the lane, if a step creates one. A step on a conversation that has a lane leaves the lane's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// This worker, which publishes from memory at once. The step [answers](CommittedEntry::lane) with the lane.
    Worker {
        /// The worker.
        id: WorkerId,
        /// The end of the lease.
        lease_until: Timestamp,
    },
    /// No worker: the lane is due from the step's `now` on, for the first claim. That is not the entry's time, which lies
    /// later where the clock went back. The step answers without a lane.
    Anyone,
}

/// A conversation with unpublished events, as its owner holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number of its first unpublished event.
    pub head: u64,
    /// Until when the owner alone may publish.
    pub lease_until: Timestamp,
    /// How often in a row publishing failed because the transport did. Stops at `u32::MAX`, as `refusals` does.
    pub tries: u32,
    /// How often in a row the event at the head was refused.
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

/// One event to publish, as a reference to what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// Its number there.
    pub number: u64,
    /// What happened.
    pub kind: EntryKind,
    /// When: the message's `created_at`, the receipt's `read_at`, or the `now` of any other step.
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
#[non_exhaustive]
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

/// What an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The message.
    Message(MessageRow),
    /// The receipt, and what it newly covered.
    Read {
        /// The receipt.
        receipt: Receipt,
        /// The messages that users of the other side wrote with a seq above that of the reader's previous receipt and up
        /// to that of this one, oldest first; at most the newest [`MAX_READ_IDS`](Self::MAX_READ_IDS). The system's
        /// messages are left out.
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

/// A lane whose lease ends before it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneDeferral {
    /// The lane's conversation.
    pub conversation_id: ConversationId,
    /// The end of the lease under which the worker acts.
    pub lease_until: Timestamp,
    /// When it may be claimed again.
    pub until: Timestamp,
    /// Why.
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

/// Why a lane is deferred.
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
#[non_exhaustive]
pub struct DeadLetter {
    /// The entry.
    pub entry: Entry,
    /// What the transport said.
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
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// Its number there.
    pub number: u64,
}

/// An event that is to be published after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

/// What came of requeueing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requeued {
    /// It is to be published, as this entry.
    Done(CommittedEntry),
    /// There is no such dead letter (any more).
    NotFound,
}

/// How much is waiting to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// How many conversations have unpublished events; at least [`MAX_COUNT`](Self::MAX_COUNT) where a store stops counting there.
    pub lanes: u64,
    /// When the oldest unpublished event was committed, of those counted.
    pub oldest: Option<Timestamp>,
    /// When the first lane is due, of those counted; `None` without a lane. It lies in the past while no worker claims that
    /// lane, and in the future while all lanes are leased or deferred.
    pub next_due: Option<Timestamp>,
    /// How many dead letters there are; at least [`MAX_COUNT`](Self::MAX_COUNT) where a store stops counting there.
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
    /// Up to which number a store has to count. It may stop there, so that a probe costs the same whatever the backlog.
    pub const MAX_COUNT: u64 = 10_000;

    /// How long the oldest unpublished event has been waiting.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| now.since(oldest))
    }

    /// How long the first due lane has been waiting for a worker; `None` where no lane is due.
    pub fn unclaimed_for(&self, now: Timestamp) -> Option<Duration> {
        let due = self.next_due.filter(|due| *due <= now);
        due.map(|due| now.since(due))
    }
}
