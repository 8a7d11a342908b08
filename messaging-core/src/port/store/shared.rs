//! A store that is shared is a store.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Activities, ActivityScan, Append, Appended, Audit, AuditRecord, Backlog, ChangeState, Changed, Claim,
    Conversations, DigestAttempt, DigestClaim, DigestHold, DigestLease, Digests, DueUser, Entry,
    ErasedReports, Erasure, Excerpt, FileReport, Filed, HistoryPage, HistoryScan, Lane, LaneDelay, ListPage,
    ListScan, LoadedEntry, MarkRead, Marked, Moderation, Opened, Outbox, Progress, Publisher, PushMark,
    ReportScan, Requeue, Requeued, SetAside, SetAsidePlace, StoreError, Tallies, Tally, TallyScan, Traces,
    UnlinkBooking, Unlinked,
};
use crate::{
    domain::{
        activity::Activity,
        conversation::{Conversation, ConversationSummary, OpenPlan},
        digest::{Extent, Unmailed},
        message::IdempotencyKey,
        page::ListScope,
        receipt::MessageRow,
        report::{Report, ReportFile, Settled},
    },
    id::{AgentId, AuditId, BookingId, ConversationId, ReportId, UserId, WorkerId},
    time::Timestamp,
};

#[async_trait]
impl<T: Conversations + ?Sized> Conversations for Arc<T> {
    async fn open(&self, plan: &OpenPlan, publisher: Publisher) -> Result<Opened, StoreError> {
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
impl<T: Outbox + ?Sized> Outbox for Arc<T> {
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

    async fn delay_lanes(&self, by: WorkerId, delays: &[LaneDelay]) -> Result<(), StoreError> {
        (**self).delay_lanes(by, delays).await
    }

    async fn set_aside(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).set_aside(by, lane, entry, why, now).await
    }

    async fn list_set_aside(&self, limit: usize) -> Result<Vec<SetAside>, StoreError> {
        (**self).list_set_aside(limit).await
    }

    async fn list_set_aside_after(
        &self,
        place: &SetAsidePlace,
        limit: usize,
    ) -> Result<Vec<SetAside>, StoreError> {
        (**self).list_set_aside_after(place, limit).await
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
impl<T: Digests + ?Sized> Digests for Arc<T> {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DueUser>, StoreError> {
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

    async fn finish_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        (**self).finish_digest(lease, sent_at, remember).await
    }

    async fn hold_digests(&self, holds: &[DigestHold]) -> Result<(), StoreError> {
        (**self).hold_digests(holds).await
    }

    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        (**self).admit_push(push).await
    }
}

#[async_trait]
impl<T: Moderation + ?Sized> Moderation for Arc<T> {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        (**self).file_report(step).await
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        (**self).list_reports(scan).await
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        (**self).find_report(id).await
    }

    async fn settle_report(&self, id: ReportId, settled: &Settled) -> Result<Option<Report>, StoreError> {
        (**self).settle_report(id, settled).await
    }
}

#[async_trait]
impl<T: Activities + ?Sized> Activities for Arc<T> {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        (**self).count_activity(scan).await
    }
}

#[async_trait]
impl<T: Erasure + ?Sized> Erasure for Arc<T> {
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
impl<T: Audit + ?Sized> Audit for Arc<T> {
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
impl<T: Tallies + ?Sized> Tallies for Arc<T> {
    async fn list_tallies(&self, scan: &TallyScan) -> Result<Vec<Tally>, StoreError> {
        (**self).list_tallies(scan).await
    }
}
