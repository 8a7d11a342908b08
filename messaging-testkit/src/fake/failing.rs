use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use messaging_core::{
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
    store::{
        ActivityScan, ActivityStore, Append, Appended, AuditRecord, AuditStore, Backlog, ChangeState,
        Changed, Claim, ConversationStore, DeadLetter, DeadLetterPosition, DigestAttempt, DigestClaim,
        DigestLease, DigestPostponement, DigestStore, DigestUser, Entry, ErasedReports, ErasureStore,
        Excerpt, FileReport, Filed, HistoryPage, HistoryScan, Lane, LaneDeferral, ListPage, ListScan,
        LoadedEntry, MarkRead, Marked, ModerationStore, Opened, OutboxStore, Progress, Publisher, PushMark,
        Recount, RecountScan, RecountStore, ReportScan, Requeue, Requeued, StoreError, StoreErrorKind,
        Traces, UnlinkBooking, Unlinked,
    },
    time::Timestamp,
};

use super::signal::Signal;

/// A store whose calls fail when they are told to. Clones share the calls and the failures.
#[derive(Debug, Clone)]
pub struct FailingStore<S> {
    inner: S,
    shared: Arc<Mutex<Shared>>,
    hung: Signal,
}

/// Whether a call that fails has taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changed nothing.
    None,
    /// It did all that it was to do, and only its answer was lost.
    Taken,
}

/// A call that waits.
#[derive(Debug)]
pub struct Held(Signal);

impl Held {
    /// Lets the call go on.
    pub fn let_go(self) {
        self.0.give();
    }
}

#[derive(Debug, Default)]
struct Shared {
    calls: u64,
    /// Which call is to fail, how, and with what effect.
    failures: Vec<(u64, StoreErrorKind, Effect)>,
    /// Which calls are never to be answered.
    hanging: Vec<u64>,
    /// Which calls wait until they are let go.
    held: HashMap<u64, Signal>,
    /// How all calls of a step fail.
    refused: HashMap<&'static str, StoreErrorKind>,
    /// How many calls of each step there were.
    by_step: HashMap<&'static str, u64>,
}

impl<S> FailingStore<S> {
    /// A store that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            shared: Arc::default(),
            hung: Signal::default(),
        }
    }

    /// Fails the `nth` call from now on, the next one being the first. Several can be told to fail.
    pub fn fail(&self, nth: u64, kind: StoreErrorKind, effect: Effect) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.failures.push((call, kind, effect));
    }

    /// Fails every call of a step, named as its errors name it (*marking messages mailed*), until it is
    /// [admitted](Self::admit). These calls change nothing.
    pub fn refuse(&self, step: &'static str, kind: StoreErrorKind) {
        self.lock().refused.insert(step, kind);
    }

    /// Takes the calls of a step again.
    pub fn admit(&self, step: &'static str) {
        self.lock().refused.remove(step);
    }

    /// How many calls of a step there were, failed ones too.
    pub fn calls_of(&self, step: &'static str) -> u64 {
        self.lock().by_step.get(step).copied().unwrap_or(0)
    }

    /// Never answers the `nth` call from now on, nor takes it.
    pub fn hang(&self, nth: u64) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.hanging.push(call);
    }

    /// Keeps the `nth` call from now on waiting until its [`Held`] lets it go.
    pub fn hold(&self, nth: u64) -> Held {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        Held(shared.held.entry(call).or_default().clone())
    }

    /// Returns when a call has come that is never to be answered.
    pub fn hung(&self) -> impl Future<Output = ()> + Send + use<S> {
        let hung = self.hung.clone();
        async move { hung.given().await }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The store itself, whose calls neither count nor fail.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; gives how it is to fail.
    fn next_call(&self, step: &'static str) -> Option<(StoreErrorKind, Effect)> {
        let mut shared = self.lock();
        shared.calls += 1;
        *shared.by_step.entry(step).or_default() += 1;
        let call = shared.calls;
        let refused = shared.refused.get(step).map(|kind| (*kind, Effect::None));
        let at = shared.failures.iter().position(|(nth, ..)| *nth == call);
        let failure = at.map(|at| shared.failures.swap_remove(at));
        failure.map(|(_, kind, effect)| (kind, effect)).or(refused)
    }

    /// Whether the call that was counted last is never to be answered, and what it waits for.
    fn waits(&self) -> (bool, Option<Signal>) {
        let shared = self.lock();
        let held = shared.held.get(&shared.calls).cloned();
        (shared.hanging.contains(&shared.calls), held)
    }

    async fn step<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError>
    where
        S: Sync,
    {
        let failure = self.next_call(doing);
        let (is_hanging, held) = self.waits();
        if is_hanging {
            self.hung.give();
            return std::future::pending().await;
        }
        if let Some(held) = held {
            held.given().await;
        }
        match failure {
            None => call.await,
            Some((kind, effect)) => {
                // Without an effect the call is dropped, and a future that is never polled does nothing.
                if effect == Effect::Taken {
                    call.await?;
                }
                Err(StoreError::new(kind, doing).caused_by("as asked for"))
            }
        }
    }
}

#[async_trait]
impl<S: ConversationStore> ConversationStore for FailingStore<S> {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        self.step("opening a conversation", self.inner.open(plan, publisher))
            .await
    }

    async fn find_conversation(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.step("finding a conversation", self.inner.find_conversation(id))
            .await
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        self.step("finding a conversation", self.inner.find_summary(id))
            .await
    }

    async fn unlink_booking(&self, step: &UnlinkBooking) -> Result<Unlinked, StoreError> {
        self.step("unlinking a booking", self.inner.unlink_booking(step))
            .await
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        self.step("listing bookings", self.inner.list_bookings(of)).await
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        self.step("listing conversations", self.inner.list_conversations(scan))
            .await
    }

    async fn count_conversations(&self, whose: &ListScope, cap: u64) -> Result<u64, StoreError> {
        self.step(
            "counting conversations",
            self.inner.count_conversations(whose, cap),
        )
        .await
    }

    async fn count_unread(&self, whose: &ListScope) -> Result<u64, StoreError> {
        self.step("counting unread messages", self.inner.count_unread(whose))
            .await
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.step(
            "listing conversations",
            self.inner.list_agent_conversations(agent_id, after, limit),
        )
        .await
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        self.step("listing messages", self.inner.list_messages(scan))
            .await
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        self.step("finding a message", self.inner.find_sent(of, sender, key))
            .await
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        self.step("appending a message", self.inner.append(step)).await
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        self.step("marking read", self.inner.mark_read(step)).await
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        self.step("changing a conversation", self.inner.change_state(step))
            .await
    }
}

#[async_trait]
impl<S: OutboxStore> OutboxStore for FailingStore<S> {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        self.step("claiming lanes", self.inner.claim_lanes(claim)).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        self.step("loading entries", self.inner.load_entries(lanes, per_lane))
            .await
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        self.step("acknowledging", self.inner.acknowledge(by, lease_until, done))
            .await
    }

    async fn defer_lanes(&self, by: WorkerId, delays: &[LaneDeferral]) -> Result<(), StoreError> {
        self.step("delaying lanes", self.inner.defer_lanes(by, delays))
            .await
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.step(
            "moving to the dead letters",
            self.inner.dead_letter(by, lane, entry, why, now),
        )
        .await
    }

    async fn list_dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.step("listing dead letters", self.inner.list_dead_letters(limit))
            .await
    }

    async fn list_dead_letters_after(
        &self,
        place: &DeadLetterPosition,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.step(
            "listing dead letters",
            self.inner.list_dead_letters_after(place, limit),
        )
        .await
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        self.step("requeueing an event", self.inner.requeue(step)).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.step("asking for the backlog", self.inner.backlog()).await
    }

    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        self.step("trying to write", self.inner.probe_writes(now)).await
    }
}

#[async_trait]
impl<S: ModerationStore> ModerationStore for FailingStore<S> {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        self.step("reporting", self.inner.file_report(step)).await
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        self.step("listing reports", self.inner.list_reports(scan)).await
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        self.step("finding a report", self.inner.find_report(id)).await
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        self.step("resolving a report", self.inner.resolve_report(id, resolution))
            .await
    }
}

#[async_trait]
impl<S: ActivityStore> ActivityStore for FailingStore<S> {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        self.step("counting activity", self.inner.count_activity(scan))
            .await
    }
}

#[async_trait]
impl<S: ErasureStore> ErasureStore for FailingStore<S> {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        self.step("listing traces", self.inner.list_traces(of, after, conversations))
            .await
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        self.step("erasing", self.inner.erase_messages(in_conversation, of))
            .await
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        self.step(
            "erasing a user from reports",
            self.inner.erase_from_reports(user_id),
        )
        .await
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        self.step("forgetting", self.inner.forget_user(user_id)).await
    }
}

#[async_trait]
impl<S: AuditStore> AuditStore for FailingStore<S> {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.step("recording an access", self.inner.record_access(record))
            .await
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.step("listing accesses", self.inner.list_accesses(before, limit))
            .await
    }
}

#[async_trait]
impl<S: RecountStore> RecountStore for FailingStore<S> {
    async fn recount(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        self.step("recounting", self.inner.recount(scan)).await
    }
}

#[async_trait]
impl<S: DigestStore> DigestStore for FailingStore<S> {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        self.step("claiming users to mail", self.inner.claim_digests(claim))
            .await
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        self.step("listing what is not mailed", self.inner.list_unmailed(users))
            .await
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.step(
            "recording an e-mail",
            self.inner.record_attempt(lease, attempt, now),
        )
        .await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        self.step(
            "loading what is to be mailed",
            self.inner.load_excerpts(extents, messages),
        )
        .await
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.step(
            "marking messages mailed",
            self.inner.mark_mailed(user_id, extents, again_at),
        )
        .await
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        self.step(
            "finishing an e-mail",
            self.inner.complete_digest(lease, sent_at, remember),
        )
        .await
    }

    async fn postpone_digests(&self, holds: &[DigestPostponement]) -> Result<(), StoreError> {
        self.step("holding e-mails back", self.inner.postpone_digests(holds))
            .await
    }

    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        self.step("admitting a push", self.inner.admit_push(push)).await
    }
}
