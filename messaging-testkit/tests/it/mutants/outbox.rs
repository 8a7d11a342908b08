use async_trait::async_trait;
use messaging_core::{
    domain::change::Change,
    id::{AuditId, ConversationId, WorkerId},
    store::{
        AuditRecord, AuditStore, Backlog, ChangeState, Claim, CommittedEntry, ConversationStore, DeadLetter,
        DeadLetterPosition, Entry, Lane, LaneDeferral, LoadedEntry, OutboxStore, Progress, Publisher,
        Requeue, Requeued, StoreError, Subject,
    },
    time::Timestamp,
};
use messaging_testkit::make::{plan, worker_id};

use crate::mutants::broken::{Broken, Fault, LONG};

#[async_trait]
impl OutboxStore for Broken {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        let mut claim = *claim;
        if self.has(Fault::LetsTwoWorkersClaimOneLane) {
            claim.now = claim.lease_until + LONG;
        }
        if self.has(Fault::ExtendsLeases) {
            claim.now = claim.now - LONG;
        }
        if self.has(Fault::IgnoresTheClaimLimit) {
            claim.limit = usize::MAX;
        }
        if self.has(Fault::SkipsLanesDueAtTheWatermark) {
            let lease = claim.lease_until.since(claim.now);
            let mut passed_over = claim;
            passed_over.now = claim.now - 2 * lease;
            self.inner.claim_lanes(&passed_over).await?;
        }
        self.inner.claim_lanes(&claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        let mut loaded = self.inner.load_entries(lanes, per_lane).await?;
        if self.has(Fault::LoadsNothing) {
            loaded.clear();
        }
        if self.has(Fault::ForgetsAnEntry) {
            loaded.retain(|one| one.entry.number != 3);
        }
        for one in &mut loaded {
            if let (Subject::Read { message_ids, .. }, true) =
                (&mut one.subject, self.has(Fault::ListsTooFewReadIds))
            {
                message_ids.truncate(Subject::MAX_READ_IDS - 1);
            }
        }
        Ok(loaded)
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        let too_many = u64::from(self.has(Fault::AcknowledgesTooMuch));
        let mut done = done.to_vec();
        for progress in &mut done {
            progress.up_to += too_many;
            if self.has(Fault::AcknowledgesNothing) {
                progress.up_to = 0;
            }
        }
        let mut lanes = self.inner.acknowledge(by, lease_until, &done).await?;
        if self.has(Fault::OmitsRemainingLanes) {
            lanes.clear();
        }
        Ok(lanes)
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        if self.has(Fault::DefersNothing) {
            return Ok(());
        }
        self.inner.defer_lanes(by, deferrals).await
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.has(Fault::MakesNoDeadLetter) {
            return Ok(());
        }
        self.inner.dead_letter(by, lane, entry, why, now).await
    }

    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let after = after.filter(|_| !self.has(Fault::ListsDeadLettersAgain));
        let mut listed = self.inner.list_dead_letters(after, limit).await?;
        if after.is_some() && self.has(Fault::SkipsOneDeadLetter) && !listed.is_empty() {
            listed.remove(0);
        }
        Ok(listed)
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        let mut step = *step;
        if self.has(Fault::RequeuesNothing) {
            return Ok(Requeued::NotFound);
        }
        if self.has(Fault::KeepsRequeuedDeadLetters) {
            return Ok(Requeued::Done(CommittedEntry::new(1)));
        }
        if self.has(Fault::RequeuesForAnyone) {
            step.publisher = Publisher::Anyone;
        }
        if self.has(Fault::RequeuesWithALaterTime) {
            step.now = step.now + LONG;
        }
        if self.has(Fault::LosesRequeuedEvents) {
            return self.lose(&step).await;
        }
        let mut requeued = self.inner.requeue(&step).await?;
        if self.has(Fault::RequeuesMissingEntries) {
            return Ok(match requeued {
                Requeued::NotFound => Requeued::Done(CommittedEntry::new(1)),
                done => done,
            });
        }
        if let (Requeued::Done(entry), true) = (&mut requeued, self.has(Fault::NumbersRequeuesWrong)) {
            entry.number = step.number;
        }
        if self.has(Fault::ClosesTheConversationWhenRequeueing) {
            self.close(step.conversation_id, step.now).await?;
        }
        Ok(requeued)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut backlog = self.inner.backlog().await?;
        if self.has(Fault::ReportsAYoungerBacklog) {
            backlog.oldest = backlog.oldest.map(|oldest| oldest + LONG);
        }
        if self.has(Fault::ReportsALaterDueTime) {
            backlog.next_due = backlog.next_due.map(|due| due + LONG);
        }
        Ok(backlog)
    }

    async fn probe_writes(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.has(Fault::OpensAConversationWhenProbing) {
            self.inner.open(&plan(1, 77), Publisher::Anyone).await?;
        }
        self.inner.probe_writes(now).await
    }
}

impl Broken {
    /// Requeues an event and, if it can, forgets it as if it had been published.
    async fn lose(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        let (by, lease_until) = (worker_id(u64::MAX - 1), step.now + LONG);
        let publisher = Publisher::Worker { id: by, lease_until };
        let requeued = self.inner.requeue(&step.with_publisher(publisher)).await?;
        let Requeued::Done(entry) = requeued else {
            return Ok(requeued);
        };
        let Some(lane) = entry.lane.clone() else {
            return Ok(Requeued::Done(entry));
        };
        let done = Progress::new(lane.conversation_id, lease_until, lane.head);
        self.inner.acknowledge(by, lease_until, &[done]).await?;
        Ok(Requeued::Done(entry.with_lane(None)))
    }

    async fn close(&self, conversation_id: ConversationId, now: Timestamp) -> Result<(), StoreError> {
        let Some(access_version) = self.access_version(conversation_id).await? else {
            return Ok(());
        };
        let found = self.inner.find_conversation(conversation_id.into()).await?;
        let Some(conversation) = found else { return Ok(()) };
        let mut step = ChangeState::new(&conversation, Change::Close, now, Publisher::Anyone);
        step.access_version = access_version;
        self.inner.change_state(&step).await.map(drop)
    }
}

#[async_trait]
impl AuditStore for Broken {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.inner.record_access(record).await
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut records = self.inner.list_accesses(before, limit).await?;
        if self.has(Fault::ListsOldestAccessFirst) {
            records.reverse();
        }
        Ok(records)
    }
}
