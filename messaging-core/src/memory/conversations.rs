use async_trait::async_trait;

use super::{Event, MemoryStore, State, Thread};
use crate::{
    domain::{
        change::Change,
        conversation::{Conversation, ConversationSummary},
        message::IdempotencyKey,
        opening::PreparedOpen,
        receipt::{MessageRow, first_covering},
        scope::ListScope,
        side::Side,
    },
    id::{AgentId, BookingId, ConversationId, UserId},
    store::{
        Append, Appended, ChangeState, Changed, ConversationKey, ConversationStore, Direction, EntryKind,
        HistoryPage, HistoryScan, ListPage, ListScan, ListStart, MarkRead, Marked, Moved, Opened, Publisher,
        StoreError, Stored,
    },
};

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        let mut state = self.lock();
        let pair = (plan.client_id.clone(), plan.agent_id.clone());
        let existing = state.pairs.get(&pair).copied();
        let id = existing.unwrap_or(plan.id);
        let thread = state
            .threads
            .entry(id)
            .or_insert_with(|| Thread::new(Conversation::new(plan)));
        let new_link = plan
            .booking_id
            .clone()
            .filter(|booking| !thread.bookings.contains(booking));
        let linked = new_link.is_some();
        thread.bookings.extend(new_link.clone());
        let created = existing.is_none();
        thread.conversation.access_version += u32::from(linked && !created);
        if let Some(booking) = new_link {
            state.linked.entry(booking).or_default().push(id);
        }
        state.pairs.insert(pair, id);

        let is_news = created || linked;
        let event = Event {
            of: id,
            kind: EntryKind::Updated,
            at: plan.now,
            lost_access: None,
        };
        let entry = is_news.then(|| state.commit(event, plan.now, publisher));
        Ok(Opened {
            id,
            created,
            entry: entry.transpose()?,
        })
    }

    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError> {
        let state = self.lock();
        let id = match key {
            ConversationKey::Id(id) => Some(id),
            ConversationKey::Pair { client_id, agent_id } => state.pairs.get(&(client_id, agent_id)).copied(),
            ConversationKey::Booking(booking) => state
                .linked
                .get(&booking)
                .and_then(|linked| linked.last())
                .copied(),
        };
        let thread = id.and_then(|id| state.threads.get(&id));
        Ok(thread.map(|thread| thread.conversation.clone()))
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        Ok(self.lock().threads.get(&id).map(Thread::summary))
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        let state = self.lock();
        Ok(state
            .threads
            .get(&of)
            .map_or_else(Vec::new, |t| t.bookings.iter().rev().cloned().collect()))
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        let state = self.lock();
        let mut threads: Vec<_> = state.scope(&scan.scope).map(|(thread, _)| thread).collect();
        let place = |thread: &Thread| (thread.conversation.activity_at, thread.conversation.id);
        threads.sort_by_key(|thread| std::cmp::Reverse(place(thread)));
        let from = match &scan.start {
            ListStart::Newest => 0,
            ListStart::After(cursor) => {
                threads.partition_point(|thread| place(thread) >= (cursor.activity_at(), cursor.id()))
            }
            ListStart::Skip(count) => *count,
        };
        let mut rest = threads.into_iter().skip(from);
        let rows = rest
            .by_ref()
            .take(scan.limit.get())
            .map(Thread::summary)
            .collect();
        Ok(ListPage {
            rows,
            has_more: rest.next().is_some(),
        })
    }

    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        Ok((self.lock().scope(scope).count() as u64).min(cap))
    }

    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        let state = self.lock();
        let unread = |(thread, side): (&Thread, Option<Side>)| {
            side.map_or(0, |side| thread.conversation.counters.of(side).unread())
        };
        Ok(state.scope(scope).map(unread).sum())
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let state = self.lock();
        let conversations = state.threads.values().map(|thread| &thread.conversation);
        let wanted =
            conversations.filter(|c| c.agent_id == *agent_id && after.is_none_or(|after| c.id > after));
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        let state = self.lock();
        let Some(thread) = state.threads.get(&scan.conversation_id) else {
            return Ok(None);
        };
        let limit = scan.limit.get();
        let up_to = |seq: u64| thread.messages.partition_point(|message| message.seq <= seq);
        let (range, has_more) = match scan.direction {
            Direction::Newest | Direction::Before(0) => {
                let end = if scan.direction == Direction::Newest {
                    thread.messages.len()
                } else {
                    0
                };
                (end.saturating_sub(limit)..end, end > limit)
            }
            Direction::Before(seq) => {
                let end = up_to(seq - 1);
                (end.saturating_sub(limit)..end, end > limit)
            }
            Direction::After(seq) => {
                let start = up_to(seq);
                let end = (start + limit).min(thread.messages.len());
                (start..end, end < thread.messages.len())
            }
        };
        let rows = thread.messages[range]
            .iter()
            .map(|message| thread.row(message))
            .collect();
        Ok(Some(HistoryPage {
            summary: thread.summary(),
            rows,
            has_more,
        }))
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        let state = self.lock();
        Ok(state.threads.get(&of).and_then(|thread| thread.sent(sender, key)))
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        let mut state = self.lock();
        let Some(thread) = state.threads.get_mut(&step.conversation_id) else {
            return Ok(Appended::Conflict);
        };
        let sender = step.message.origin.sender();
        if let Some(seen) = step
            .message
            .idempotency_key
            .as_ref()
            .and_then(|key| thread.sent(sender, key))
        {
            return Ok(Appended::Duplicate(seen));
        }
        if thread.conversation.access_version != step.access_version {
            return Ok(Appended::Conflict);
        }
        let message = thread.conversation.append(&step.message);
        if let Some(key) = &message.idempotency_key {
            thread.keys.insert((sender.cloned(), key.clone()), message.seq);
        }
        thread.messages.push(message.clone());
        let conversation = thread.conversation.clone();

        let kind = EntryKind::Message { seq: message.seq };
        let entry = state.commit(
            Event {
                of: step.conversation_id,
                kind,
                at: message.created_at,
                lost_access: None,
            },
            step.message.now,
            step.publisher,
        )?;
        Ok(Appended::Stored(Stored {
            message,
            conversation,
            entry,
        }))
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        let mut state = self.lock();
        let Some(thread) = state.threads.get_mut(&step.conversation_id) else {
            return Ok(Marked::Conflict);
        };
        if thread.conversation.access_version != step.access_version {
            return Ok(Marked::Conflict);
        }
        let Some(up_to) = thread.messages.iter().find(|message| message.id == step.up_to) else {
            return Ok(Marked::UnknownMessage);
        };
        let receipt = thread.conversation.read(step.side, up_to, step.now);
        let counter = *thread.conversation.counters.of(step.side);
        let Some(receipt) = receipt else {
            let covered = thread
                .messages
                .iter()
                .filter(|m| m.seq <= up_to.seq && m.origin.addresses(step.side));
            let newest = covered.map(|message| message.seq).max();
            let read_at = newest.and_then(|seq| first_covering(&thread.receipts, step.side, seq));
            return Ok(Marked::Already { counter, read_at });
        };
        thread.receipts.push(receipt);

        let kind = EntryKind::Read {
            side: receipt.side,
            up_to_seq: receipt.up_to_seq,
        };
        let entry = state.commit(
            Event {
                of: step.conversation_id,
                kind,
                at: receipt.read_at,
                lost_access: None,
            },
            step.now,
            step.publisher,
        )?;
        Ok(Marked::Moved(Moved {
            receipt,
            counter,
            entry,
        }))
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let mut state = self.lock();
        let Some(thread) = state.threads.get_mut(&step.conversation_id) else {
            return Ok(Changed::Conflict);
        };
        if thread.conversation.access_version != step.access_version {
            return Ok(Changed::Conflict);
        }
        let pair = pair_of(&thread.conversation);
        let is_news = match &step.change {
            Change::Unlink(booking) => {
                let place = thread.bookings.iter().position(|id| id == booking);
                place.map(|place| thread.bookings.remove(place)).is_some()
            }
            _ => step.after != thread.conversation.access_state(),
        };
        if !is_news {
            return Ok(Changed::AlreadySo);
        }
        thread.conversation.set_access(&step.after);
        let new_pair = pair_of(&thread.conversation);
        if let Some(side) = step.not_due {
            thread.conversation.digests.of_mut(side).due_at = None;
        }
        if let Change::Unlink(booking) = &step.change
            && let Some(linked) = state.linked.get_mut(booking)
        {
            linked.retain(|id| *id != step.conversation_id);
        }
        if new_pair != pair {
            state.pairs.remove(&pair);
            state.pairs.insert(new_pair, step.conversation_id);
        }
        let entry = state.commit(
            Event {
                of: step.conversation_id,
                kind: EntryKind::Updated,
                at: step.now,
                lost_access: step.lost_access.clone(),
            },
            step.now,
            step.publisher,
        )?;
        Ok(Changed::Done(entry))
    }
}

/// The pair of a client and an agent, which identifies one conversation.
fn pair_of(conversation: &Conversation) -> (UserId, AgentId) {
    (conversation.client_id.clone(), conversation.agent_id.clone())
}

impl State {
    /// The conversations of a scope, each with the side of the scope's user.
    fn scope<'a>(&'a self, scope: &'a ListScope) -> impl Iterator<Item = (&'a Thread, Option<Side>)> {
        self.threads.values().filter_map(move |thread| {
            let conversation = &thread.conversation;
            match scope {
                ListScope::Client(user_id) => {
                    (conversation.client_id == *user_id).then_some((thread, Some(Side::Client)))
                }
                ListScope::Agent { agent_id, user_id } => {
                    let theirs = conversation.agent_id == *agent_id && conversation.agent_user_id == *user_id;
                    theirs.then_some((thread, Some(Side::Agent)))
                }
                ListScope::All(user_id) => Some((thread, conversation.side_of(user_id))),
            }
        })
    }
}

impl Thread {
    fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            messages: Vec::new(),
            keys: std::collections::HashMap::new(),
            receipts: Vec::new(),
            bookings: Vec::new(),
            events: 0,
            outbox: std::collections::BTreeMap::new(),
            lost_access: std::collections::BTreeMap::new(),
        }
    }

    fn sent(&self, sender: Option<&UserId>, key: &IdempotencyKey) -> Option<MessageRow> {
        let seq = *self.keys.get(&(sender.cloned(), key.clone()))?;
        self.message(seq).map(|message| self.row(message))
    }
}
