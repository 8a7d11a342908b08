use std::cmp::Reverse;

use async_trait::async_trait;
use messaging_core::{
    domain::{
        change::Change,
        conversation::{Conversation, ConversationSummary},
        message::IdempotencyKey,
        opening::PreparedOpen,
        receipt::MessageRow,
        scope::ListScope,
        side::Side,
        unread::UnreadCounter,
    },
    id::{AgentId, BookingId, ConversationId, UserId},
    store::{
        Append, Appended, ChangeState, Changed, CommittedEntry, ConversationKey, ConversationStore,
        Direction, HistoryPage, HistoryScan, ListPage, ListScan, ListStart, MarkRead, Marked, Opened,
        Publisher, StoreError,
    },
};

use crate::mutants::broken::{Broken, Fault};

#[async_trait]
impl ConversationStore for Broken {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        let mut opened = self.inner.open(plan, publisher).await?;
        opened.created |= self.has(Fault::CreatesTwice);
        if self.has(Fault::LosesTheCreatedLane) {
            opened.entry = opened.entry.map(|entry| entry.with_lane(None));
        }
        if let (Some(entry), true) = (&mut opened.entry, self.has(Fault::NumbersOpeningsWrong)) {
            entry.number += 1;
        }
        Ok(opened)
    }

    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError> {
        let mut found = self.inner.find_conversation(key).await?;
        if let Some(conversation) = &mut found {
            self.distort(conversation);
        }
        Ok(found)
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        let mut found = self.inner.find_summary(id).await?;
        if let Some(summary) = &mut found {
            self.distort(&mut summary.conversation);
        }
        Ok(found)
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        let mut bookings = self.inner.list_bookings(of).await?;
        if self.has(Fault::ListsOldestBookingFirst) {
            bookings.reverse();
        }
        Ok(bookings)
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        if self.has(Fault::ListsTheSamePageAgain) {
            let start = ListStart::Newest;
            let mut page = self
                .inner
                .list_conversations(&scan.clone().with_start(start))
                .await?;
            page.has_more = true;
            return Ok(page);
        }
        let mut page = self.inner.list_conversations(scan).await?;
        for row in &mut page.rows {
            self.distort(&mut row.conversation);
        }
        let goes_on = matches!(scan.start, ListStart::After(_)) && !page.rows.is_empty();
        if self.has(Fault::SkipsAConversationBetweenPages) && goes_on {
            page.rows.remove(0);
        }
        if self.has(Fault::OrdersEqualTimesBySmallerId) {
            let place =
                |row: &ConversationSummary| (Reverse(row.conversation.activity_at), row.conversation.id);
            page.rows.sort_by_key(place);
        }
        if self.has(Fault::ReportsMoreAfterTheLastPage) {
            page.has_more = page.rows.len() == scan.limit.get();
        }
        Ok(page)
    }

    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        let cap = if self.has(Fault::IgnoresTheCap) {
            u64::MAX
        } else {
            cap
        };
        self.inner.count_conversations(scope, cap).await
    }

    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        let factor = if self.has(Fault::CountsUnreadTwice) { 2 } else { 1 };
        Ok(self.inner.count_unread(scope).await? * factor)
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.inner.list_agent_conversations(agent_id, after, limit).await
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        let mut scan = scan.clone();
        if let (Direction::Before(seq), true) = (scan.direction, self.has(Fault::SkipsAMessageBetweenPages)) {
            scan.direction = Direction::Before(seq.saturating_sub(1));
        }
        if self.has(Fault::ListsTheSamePageAgain) {
            scan.direction = Direction::After(0);
        }
        let mut found = self.inner.list_messages(&scan).await?;
        if let Some(page) = &mut found {
            self.distort(&mut page.summary.conversation);
            for row in &mut page.rows {
                for side in Side::ALL {
                    let last = page.summary.conversation.counters.of(side).last_read;
                    let read = row.read.of_mut(side);
                    if self.has(Fault::RewritesReadTimes) {
                        *read = read.and(last.map(|mark| mark.at));
                    }
                }
            }
            if self.has(Fault::ReportsMoreAfterTheLastPage) {
                page.has_more = page.rows.len() == scan.limit.get();
            }
            page.has_more |= self.has(Fault::ListsTheSamePageAgain);
        }
        Ok(found)
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        self.inner.find_sent(of, sender, key).await
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        let mut step = step.clone();
        let sender = step.message.origin.sender();
        if let (Some(key), true) = (&step.message.idempotency_key, self.has(Fault::ForgetsKeys)) {
            let seen = self.inner.find_sent(step.conversation_id, sender, key).await?;
            step.message.idempotency_key = step.message.idempotency_key.filter(|_| seen.is_none());
        }
        if let (Some(key), true) = (
            &step.message.idempotency_key,
            self.has(Fault::SharesKeysAmongSenders),
        ) {
            for sender in self.possible_senders(step.conversation_id).await? {
                let seen = self.inner.find_sent(step.conversation_id, sender.as_ref(), key);
                if let Some(row) = seen.await? {
                    return Ok(Appended::Duplicate(row));
                }
            }
        }
        if let (Some(current), true) = (
            self.access_version(step.conversation_id).await?,
            self.has(Fault::SkipsTheAccessVersionCheck),
        ) {
            step.access_version = current;
        }
        if self.has(Fault::DropsExtras) {
            step.message.extras = None;
        }
        let mut appended = self.inner.append(&step).await?;
        if let (Appended::Stored(stored), true) = (&mut appended, self.has(Fault::StoresDecreasingTimes)) {
            stored.message.created_at = step.message.now;
        }
        if let (Appended::Stored(stored), true) = (&mut appended, self.has(Fault::NumbersSendsWrong)) {
            stored.entry.number = stored.message.seq;
        }
        Ok(appended)
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        let marked = self.inner.mark_read(step).await?;
        Ok(match marked {
            Marked::Moved(mut moved) if self.has(Fault::NumbersReadsWrong) => {
                moved.entry.number = moved.receipt.up_to_seq;
                Marked::Moved(moved)
            }
            Marked::UnknownMessage if self.has(Fault::AcceptsUnknownMessages) => Marked::Already {
                counter: UnreadCounter::default(),
                read_at: None,
            },
            Marked::Already { counter, .. } if self.has(Fault::OmitsTheReadTime) => Marked::Already {
                counter,
                read_at: Some(step.now),
            },
            marked => marked,
        })
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let mut step = step.clone();
        if let Change::Unlink(booking) = &mut step.change
            && self.has(Fault::UnlinksTheNewest)
            && let Some(newest) = self.inner.list_bookings(step.conversation_id).await?.first()
        {
            booking.clone_from(newest);
        }
        let unlinks = matches!(step.change, Change::Unlink(_));
        let changed = self.inner.change_state(&step).await?;
        Ok(match changed {
            Changed::AlreadySo if !unlinks && self.has(Fault::RepeatsChanges) => {
                Changed::Done(CommittedEntry::new(1))
            }
            Changed::Done(entry) if unlinks && self.has(Fault::LosesTheCreatedLane) => {
                Changed::Done(entry.with_lane(None))
            }
            Changed::Done(mut entry) if self.has(Fault::NumbersChangesWrong) => {
                entry.number = 1;
                Changed::Done(entry)
            }
            changed => changed,
        })
    }
}
