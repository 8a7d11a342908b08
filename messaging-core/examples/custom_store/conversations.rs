//! Conversations, messages and receipts. The rules are the core's transitions: `Conversation::{new, append, read,
//! set_access}`. What is left to a store is to find, to compare access versions, and to keep.

use std::cmp::Reverse;

use async_trait::async_trait;
use messaging_core::{
    AgentId, BookingId, ConversationId, IdempotencyKey, Side, UserId,
    domain::{
        change::Change,
        conversation::{Conversation, ConversationSummary},
        message::Message,
        opening::PreparedOpen,
        receipt::{MessageRow, first_covering},
        scope::ListScope,
    },
    store::{
        Append, Appended, ChangeState, Changed, ConversationKey, ConversationStore, Direction, EntryKind,
        HistoryPage, HistoryScan, ListPage, ListScan, ListStart, MarkRead, Marked, Moved, Opened, Publisher,
        StoreError, StoreErrorKind, Stored,
    },
};

use crate::store::{CustomStore, Record, State};

#[async_trait]
impl ConversationStore for CustomStore {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        let mut state = self.lock();
        // "All concurrent opens of a pair get the same conversation": in SQL by a unique index on the pair.
        let existing = state.of_pair(&plan.client_id, &plan.agent_id);
        let (id, created) = (existing.unwrap_or(plan.id), existing.is_none());
        let record = state.records.entry(id);
        let record = record.or_insert_with(|| Record::new(Conversation::new(plan)));

        // "A booking already linked changes nothing, and keeps its place among the links."
        let is_new = |booking: &BookingId| !record.bookings.contains(booking);
        let link = plan.booking_id.clone().filter(is_new);
        let linked = link.is_some();
        record.bookings.extend(link.clone());
        if linked && !created {
            record.conversation.access_version += 1;
        }
        let is_news = created || linked;
        let entry = is_news.then(|| record.commit(EntryKind::Updated, plan.now, plan.now, publisher));
        state.links.extend(link.map(|booking| (booking, id)));
        Ok(Opened::new(id).with_created(created).with_entry(entry))
    }

    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError> {
        let state = self.lock();
        let id = match key {
            ConversationKey::Id(id) => Some(id),
            ConversationKey::Pair { client_id, agent_id } => state.of_pair(&client_id, &agent_id),
            ConversationKey::Booking(booking) => {
                let mut newest_first = state.links.iter().rev();
                newest_first.find(|(linked, _)| *linked == booking).map(|(_, id)| *id)
            }
            // A kind of key that a newer core has: "a variant that the backend does not know" is `Unsupported`.
            _ => return Err(unsupported("finding a conversation")),
        };
        let record = id.and_then(|id| state.records.get(&id));
        Ok(record.map(|record| record.conversation.clone()))
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        Ok(self.lock().records.get(&id).map(Record::summary))
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        let state = self.lock();
        let record = state.records.get(&of);
        // "A missing row is `None` or empty, never an error."
        Ok(record.map_or_else(Vec::new, |record| record.bookings.iter().rev().cloned().collect()))
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        let state = self.lock();
        let position = |record: &Record| (record.conversation.activity_at, record.conversation.id);
        let mut records: Vec<_> = state.in_scope(&scan.scope).map(|(record, _)| record).collect();
        records.sort_by_key(|record| Reverse(position(record)));
        match &scan.start {
            ListStart::Newest => {}
            // The conversation at the cursor may have moved up meanwhile: what follows is found by its position.
            ListStart::After(cursor) => {
                records.retain(|record| position(record) < (cursor.activity_at(), cursor.id()));
            }
            ListStart::Skip(count) => {
                records.drain(..(*count).min(records.len()));
            }
        }
        let page = records.iter().take(scan.limit.get());
        Ok(ListPage::new(page.map(|record| record.summary()).collect())
            .with_has_more(records.len() > scan.limit.get()))
    }

    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        Ok((self.lock().in_scope(scope).count() as u64).min(cap))
    }

    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        let state = self.lock();
        // For `ListScope::All` a conversation in which the admin takes no part has no side, and does not count.
        let mut unread = 0;
        for (record, side) in state.in_scope(scope) {
            unread += side.map_or(0, |side| record.conversation.counters.of(side).unread());
        }
        Ok(unread)
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let state = self.lock();
        let conversations = state.records.values().map(|record| &record.conversation);
        let of_agent = conversations.filter(|it| it.agent_id == *agent_id && Some(it.id) > after);
        Ok(of_agent.take(limit).cloned().collect())
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        let state = self.lock();
        let Some(record) = state.records.get(&scan.conversation_id) else {
            return Ok(None);
        };
        let is_wanted = |message: &&Message| match scan.direction {
            Direction::Newest => true,
            Direction::Before(seq) => message.seq < seq,
            Direction::After(seq) => message.seq > seq,
        };
        let wanted: Vec<_> = record.messages.iter().filter(is_wanted).collect();
        let size = scan.limit.get().min(wanted.len());
        let page = match scan.direction {
            Direction::Newest | Direction::Before(_) => &wanted[wanted.len() - size..],
            Direction::After(_) => &wanted[..size],
        };
        // "Both read at one moment": here under one lock.
        Ok(Some(
            HistoryPage::new(record.summary(), page.iter().map(|message| record.row(message)).collect())
                .with_has_more(size < wanted.len()),
        ))
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        let state = self.lock();
        Ok(state.records.get(&of).and_then(|record| record.sent(sender, key)))
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        let mut state = self.lock();
        let Some(record) = state.records.get_mut(&step.conversation_id) else {
            return Ok(Appended::Conflict);
        };
        // "The key is looked up first", before the access version: a send is repeated with what was known before.
        let sender = step.message.origin.sender();
        let key = step.message.idempotency_key.as_ref();
        if let Some(row) = key.and_then(|key| record.sent(sender, key)) {
            return Ok(Appended::Duplicate(row));
        }
        if record.conversation.access_version != step.access_version {
            return Ok(Appended::Conflict);
        }
        let message = record.conversation.append(&step.message);
        record.messages.push(message.clone());
        let kind = EntryKind::Message { seq: message.seq };
        let entry = record.commit(kind, message.created_at, step.message.now, step.publisher);
        Ok(Appended::Stored(Stored::new(message, record.conversation.clone(), entry)))
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        let mut state = self.lock();
        let record = state.records.get_mut(&step.conversation_id);
        let decided_on = |record: &&mut Record| record.conversation.access_version == step.access_version;
        let Some(record) = record.filter(decided_on) else {
            return Ok(Marked::Conflict);
        };
        let Some(up_to) = record.messages.iter().find(|message| message.id == step.up_to) else {
            return Ok(Marked::UnknownMessage);
        };
        let receipt = record.conversation.read(step.side, up_to, step.now);
        let counter = *record.conversation.counters.of(step.side);
        let Some(receipt) = receipt else {
            let mut back = record.messages.iter().filter(|message| message.seq <= up_to.seq).rev();
            let last = back.find(|message| message.origin.addresses(step.side));
            let read_at = last.and_then(|message| first_covering(&record.receipts, step.side, message.seq));
            return Ok(Marked::Already { counter, read_at });
        };
        record.receipts.push(receipt);
        let kind = EntryKind::Read { side: receipt.side, up_to_seq: receipt.up_to_seq };
        let entry = record.commit(kind, receipt.read_at, step.now, step.publisher);
        Ok(Marked::Moved(Moved::new(receipt, counter, entry)))
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let mut state = self.lock();
        let record = state.records.get_mut(&step.conversation_id);
        let decided_on = |record: &&mut Record| record.conversation.access_version == step.access_version;
        let Some(record) = record.filter(decided_on) else {
            return Ok(Changed::Conflict);
        };
        // What any other change does stands in `after`.
        let changes = match &step.change {
            Change::Unlink(booking) => record.bookings.contains(booking),
            _ => step.after != record.conversation.access_state(),
        };
        if !changes {
            return Ok(Changed::AlreadySo);
        }
        if let Change::Unlink(booking) = &step.change {
            record.bookings.retain(|linked| linked != booking);
        }
        record.conversation.set_access(&step.after);
        if let Some(side) = step.not_due {
            record.conversation.digests.of_mut(side).due_at = None;
        }
        let entry = record.commit(EntryKind::Updated, step.now, step.now, step.publisher);
        if let Some(event) = record.unpublished.last_mut() {
            event.lost_access.clone_from(&step.lost_access);
        }
        if let Change::Unlink(booking) = &step.change {
            state.links.retain(|(linked, id)| (linked, id) != (booking, &step.conversation_id));
        }
        Ok(Changed::Done(entry))
    }
}

impl State {
    fn of_pair(&self, client_id: &UserId, agent_id: &AgentId) -> Option<ConversationId> {
        let mut conversations = self.records.values().map(|record| &record.conversation);
        let found = conversations.find(|it| it.client_id == *client_id && it.agent_id == *agent_id);
        found.map(|conversation| conversation.id)
    }

    /// The conversations of a scope, each with the scope's own side.
    fn in_scope(&self, scope: &ListScope) -> impl Iterator<Item = (&Record, Option<Side>)> {
        self.records.values().filter_map(move |record| {
            let it = &record.conversation;
            match scope {
                ListScope::Client(user_id) => {
                    (it.client_id == *user_id).then_some((record, Some(Side::Client)))
                }
                ListScope::Agent { agent_id, user_id } => {
                    let answers = it.agent_id == *agent_id && it.agent_user_id == *user_id;
                    answers.then_some((record, Some(Side::Agent)))
                }
                ListScope::All(user_id) => Some((record, it.side_of(user_id))),
            }
        })
    }
}

fn unsupported(doing: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, doing)
}
