use std::collections::BTreeSet;

use messaging_core::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        page::PageSize,
        receipt::MessageRow,
        scope::ListScope,
        side::{PerSide, Side},
    },
    id::ConversationId,
    store::{Direction, HistoryScan, Store, StoreError},
};

use super::findings::Findings;
use crate::{limit::Rounds, make::limit};

/// More pages of 100 than any list or history of a test has.
pub(super) const PAGES: usize = 10_000;

/// A conversation and all its messages.
#[derive(Debug)]
pub(super) struct Thread {
    summary: ConversationSummary,
    pub(super) rows: Vec<MessageRow>,
}

impl Thread {
    /// Reads a conversation by all queries, and recounts it.
    pub(super) async fn read(
        store: &dyn Store,
        summary: ConversationSummary,
        findings: &mut Findings,
    ) -> Result<Self, StoreError> {
        let id = summary.conversation.id;
        let rows = history(store, id).await?;
        let thread = Self { summary, rows };

        let conversation = store.find_conversation(id.into()).await?;
        findings.same(
            format_args!("{id} by its id"),
            &conversation.as_ref(),
            &Some(thread.conversation()),
        );
        let summary = store.find_summary(id).await?;
        findings.same(
            format_args!("{id} in its summary"),
            &summary.as_ref(),
            &Some(&thread.summary),
        );
        let bookings = store.list_bookings(id).await?;
        findings.same(
            format_args!("the booking of {id}"),
            &thread.summary.booking_id.as_ref(),
            &bookings.first(),
        );
        let distinct: BTreeSet<_> = bookings.iter().collect();
        findings.unless(distinct.len() == bookings.len(), || {
            format!("{id} has a booking twice: {bookings:?}")
        });
        for row in &thread.rows {
            if let Some(key) = &row.message.idempotency_key {
                let sender = row.message.origin.sender();
                let found = store.find_sent(id, sender, key).await?;
                findings.same(
                    format_args!("the message of {sender:?} with key {key:?} in {id}"),
                    &found.as_ref(),
                    &Some(row),
                );
            }
        }
        thread.check_messages(findings);
        for side in Side::ALL {
            thread.check_mailbox(side, findings);
        }
        Ok(thread)
    }

    pub(super) fn id(&self) -> ConversationId {
        self.conversation().id
    }

    pub(super) fn conversation(&self) -> &Conversation {
        &self.summary.conversation
    }

    /// Returns the unread count of the scope's side.
    pub(super) fn unread(&self, scope: &ListScope) -> u64 {
        self.count_unread(match scope {
            ListScope::Client(_) => Side::Client,
            _ => Side::Agent,
        })
    }

    fn count_unread(&self, side: Side) -> u64 {
        let highest = self.highest_read(side);
        let unread = self.rows.iter().map(|row| &row.message);
        unread
            .filter(|message| message.origin.addresses(side) && message.seq > highest)
            .count() as u64
    }

    fn highest_read(&self, side: Side) -> u64 {
        let counter = self.conversation().counters.of(side);
        counter.last_read.map_or(0, |mark| mark.up_to_seq)
    }

    fn check_messages(&self, findings: &mut Findings) {
        let id = self.id();
        let mut positions = PerSide::default();
        let mut latest = self.conversation().created_at;
        let mut keys = BTreeSet::new();
        for (seq, row) in (1..).zip(&self.rows) {
            let message = &row.message;
            findings.same(format_args!("a seq in {id}"), &message.seq, &seq);
            findings.same(
                format_args!("the conversation of {id}/{seq}"),
                &message.conversation_id,
                &id,
            );
            findings.unless(message.created_at >= latest, || {
                format!("{id}/{seq} is older than the message before it")
            });
            latest = latest.max(message.created_at);
            for side in Side::ALL {
                *positions.of_mut(side) += u64::from(message.origin.addresses(side));
            }
            findings.same(
                format_args!("the positions of {id}/{seq}"),
                &message.positions,
                &positions,
            );
            if let Some(key) = &message.idempotency_key {
                findings.unless(keys.insert((message.origin.sender(), key)), || {
                    format!("the key of {id}/{seq} occurs twice")
                });
            }
        }
        let conversation = self.conversation();
        let count = self.rows.len() as u64;
        findings.same(format_args!("last_seq of {id}"), &conversation.last_seq, &count);
        findings.same(
            format_args!("activity of {id}"),
            &conversation.activity_at,
            &latest,
        );
        let last = self.rows.last().map(|row| &row.message);
        let shown = self.summary.last_message.as_ref();
        findings.same(format_args!("the last message of {id}"), &shown, &last);
    }

    fn check_mailbox(&self, side: Side, findings: &mut Findings) {
        let id = self.id();
        let counter = self.conversation().counters.of(side);
        let addressed = |row: &&MessageRow| row.message.origin.addresses(side);
        let received = self.rows.iter().filter(addressed).count() as u64;
        let unread = self.count_unread(side);
        findings.same(
            format_args!("received of {side:?} in {id}"),
            &counter.received,
            &received,
        );
        findings.same(
            format_args!("unread of {side:?} in {id}"),
            &counter.unread(),
            &unread,
        );
        findings.same(
            format_args!("read of {side:?} in {id}"),
            &counter.read,
            &(received - unread),
        );

        let highest = self.highest_read(side);
        findings.unless(highest <= self.rows.len() as u64, || {
            format!("{side:?} of {id} has read a message that does not exist")
        });
        let mut earlier = None;
        for row in &self.rows {
            let (seq, read) = (row.message.seq, *row.read.of(side));
            findings.same(
                format_args!("whether {side:?} has read {id}/{seq}"),
                &read.is_some(),
                &(seq <= highest),
            );
            findings.unless(read.is_none_or(|at| at >= row.message.created_at), || {
                format!("{side:?} has read {id}/{seq} before it was written")
            });
            findings.unless(read.is_none() || read >= earlier, || {
                format!("{side:?} has read {id}/{seq} before the message in front of it")
            });
            earlier = earlier.max(read);
        }
        let last = counter.last_read.map(|mark| mark.at);
        findings.same(format_args!("when {side:?} last read in {id}"), &last, &earlier);
    }
}

async fn history(store: &dyn Store, of: ConversationId) -> Result<Vec<MessageRow>, StoreError> {
    let mut rows: Vec<MessageRow> = Vec::new();
    let mut pages = Rounds::at_most(PAGES, "paging through a history has not ended");
    loop {
        pages.begin();
        let last = rows.last().map_or(0, |row| row.message.seq);
        let scan = HistoryScan::new(of, Direction::After(last), limit(PageSize::MAX));
        match store.list_messages(&scan).await? {
            Some(page) if page.has_more && goes_on(&page.rows, last) => rows.extend(page.rows),
            page => {
                rows.extend(page.into_iter().flat_map(|page| page.rows));
                return Ok(rows);
            }
        }
    }
}

/// Detects a repeated page, so that paging ends; the rows reveal the repetition.
fn goes_on(page: &[MessageRow], last: u64) -> bool {
    page.last().is_some_and(|row| row.message.seq > last)
}
