//! The required trait of the outbox, and its values.

mod backlog;
mod claim;
mod dead_letter;
mod entry;
mod lane;

use async_trait::async_trait;

pub use backlog::Backlog;
pub use claim::{Claim, Scan};
pub use dead_letter::{DeadLetter, DeadLetterPosition, Requeue, Requeued};
pub use entry::{CommittedEntry, Entry, EntryKind, LoadedEntry, Subject};
pub use lane::{Lane, LaneDeferral, LaneFailure, Progress, Publisher};

use crate::{id::WorkerId, store::StoreError, time::Timestamp};

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
    /// A lane that another step has locked may be skipped; it stays due. A [usual](Scan::Usual) scan may also skip, for some
    /// minutes, a lane whose commit came more than a lease after its due time. A [full](Scan::Full) scan may not.
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
    /// The entry that [`up_to`](Progress::up_to) names need not exist. It may precede the head, if all entries from the head
    /// on have become dead letters: then the lane ends.
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
    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError>;

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
