//! A store that is shared is a store.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ActivityScan, ActivityStore, Append, Appended, AuditRecord, AuditStore, Backlog, ChangeState, Changed,
    Claim, ConversationStore, DeadLetter, DeadLetterPosition, DigestAttempt, DigestClaim, DigestLease,
    DigestPostponement, DigestStore, DigestUser, Entry, ErasedReports, ErasureStore, Excerpt, FileReport,
    Filed, HistoryPage, HistoryScan, Lane, LaneDeferral, ListPage, ListScan, LoadedEntry, MarkRead, Marked,
    ModerationStore, Opened, OutboxStore, Progress, Publisher, PushMark, Recount, RecountScan, RecountStore,
    ReportScan, Requeue, Requeued, StoreError, Traces, UnlinkBooking, Unlinked,
};
use crate::{
    domain::{
        activity::Activity,
        conversation::{Conversation, ConversationSummary, PreparedOpen},
        digest::{Extent, Unmailed},
        message::IdempotencyKey,
        page::ListScope,
        receipt::MessageRow,
        report::{Report, ReportFile, Resolution},
    },
    id::{AgentId, AuditId, BookingId, ConversationId, ReportId, UserId, WorkerId},
    time::Timestamp,
};

#[async_trait]
impl<T: ConversationStore + ?Sized> ConversationStore for Arc<T> {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        (**self).open(plan, publisher).await
    }

    async fn find_conversation(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        (**self).find_conversation(id).await
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        (**self).find_summary(id).await
    }

    async fn unlink_booking(&self, step: &UnlinkBooking) -> Result<Unlinked, StoreError> {
        (**self).unlink_booking(step).await
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        (**self).list_bookings(of).await
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        (**self).list_conversations(scan).await
    }

    async fn count_conversations(&self, whose: &ListScope, cap: u64) -> Result<u64, StoreError> {
        (**self).count_conversations(whose, cap).await
    }

    async fn count_unread(&self, whose: &ListScope) -> Result<u64, StoreError> {
        (**self).count_unread(whose).await
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        (**self).list_agent_conversations(agent_id, after, limit).await
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        (**self).list_messages(scan).await
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        (**self).find_sent(of, sender, key).await
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        (**self).append(step).await
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        (**self).mark_read(step).await
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        (**self).change_state(step).await
    }
}

#[async_trait]
impl<T: OutboxStore + ?Sized> OutboxStore for Arc<T> {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        (**self).claim_lanes(claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        (**self).load_entries(lanes, per_lane).await
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        (**self).acknowledge(by, lease_until, done).await
    }

    async fn defer_lanes(&self, by: WorkerId, delays: &[LaneDeferral]) -> Result<(), StoreError> {
        (**self).defer_lanes(by, delays).await
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).dead_letter(by, lane, entry, why, now).await
    }

    async fn list_dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        (**self).list_dead_letters(limit).await
    }

    async fn list_dead_letters_after(
        &self,
        place: &DeadLetterPosition,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        (**self).list_dead_letters_after(place, limit).await
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        (**self).requeue(step).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        (**self).backlog().await
    }

    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        (**self).probe_writes(now).await
    }
}

#[async_trait]
impl<T: DigestStore + ?Sized> DigestStore for Arc<T> {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        (**self).claim_digests(claim).await
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        (**self).list_unmailed(users).await
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).record_attempt(lease, attempt, now).await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        (**self).load_excerpts(extents, messages).await
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).mark_mailed(user_id, extents, again_at).await
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        (**self).complete_digest(lease, sent_at, remember).await
    }

    async fn postpone_digests(&self, holds: &[DigestPostponement]) -> Result<(), StoreError> {
        (**self).postpone_digests(holds).await
    }

    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        (**self).admit_push(push).await
    }
}

#[async_trait]
impl<T: ModerationStore + ?Sized> ModerationStore for Arc<T> {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        (**self).file_report(step).await
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        (**self).list_reports(scan).await
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        (**self).find_report(id).await
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        (**self).resolve_report(id, resolution).await
    }
}

#[async_trait]
impl<T: ActivityStore + ?Sized> ActivityStore for Arc<T> {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        (**self).count_activity(scan).await
    }
}

#[async_trait]
impl<T: ErasureStore + ?Sized> ErasureStore for Arc<T> {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        (**self).list_traces(of, after, conversations).await
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        (**self).erase_messages(in_conversation, of).await
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        (**self).erase_from_reports(user_id).await
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        (**self).forget_user(user_id).await
    }
}

#[async_trait]
impl<T: AuditStore + ?Sized> AuditStore for Arc<T> {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        (**self).record_access(record).await
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        (**self).list_accesses(before, limit).await
    }
}

#[async_trait]
impl<T: RecountStore + ?Sized> RecountStore for Arc<T> {
    async fn recount(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        (**self).recount(scan).await
    }
}
