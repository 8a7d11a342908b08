//! The memory store: complete, the reference for other stores, and meant for a host's unit tests.
//!
//! All state is behind one mutex, and every step is a function of that state which calls the transitions of
//! [`Conversation`]. So this module is the shortest form of the contract of [`Store`](crate::store::Store).

mod activity;
mod capabilities;
mod conversations;
mod digests;
mod erasure;
mod moderation;
mod outbox;
mod recount;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::{IdempotencyKey, Message},
        receipt::{MessageRow, Receipt, first_covering},
        side::{PerSide, Side},
    },
    id::{AgentId, AuditId, BookingId, ConversationId, ReportId, UserId, WorkerId},
    store::{
        AuditRecord, AuditStore, CommittedEntry, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane,
        Publisher, StoreError, StoreErrorKind,
    },
    time::Timestamp,
};
use digests::DigestUserState;
use moderation::Filing;

/// A store in memory. Clones share their state, which is dropped with the last clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    threads: BTreeMap<ConversationId, Thread>,
    pairs: HashMap<(UserId, AgentId), ConversationId>,
    /// The conversations to which a booking is linked, the newest link last.
    linked: HashMap<BookingId, Vec<ConversationId>>,
    lanes: HashMap<ConversationId, LaneState>,
    dead_letters: BTreeMap<DeadLetterPosition, DeadLetter>,
    digest_users: HashMap<UserId, DigestUserState>,
    /// The seq of the last message pushed to a side, and the time of the push.
    pushed: HashMap<(ConversationId, Side), (u64, Timestamp)>,
    /// Reports by id; ids grow with time.
    reports: BTreeMap<ReportId, Filing>,
    audit: BTreeMap<AuditId, AuditRecord>,
}

/// A conversation with its messages, bookings and receipts.
#[derive(Debug)]
struct Thread {
    conversation: Conversation,
    /// The message with seq n is at index n - 1.
    messages: Vec<Message>,
    keys: HashMap<(Option<UserId>, IdempotencyKey), u64>,
    receipts: Vec<Receipt>,
    /// The linked bookings, the newest link last.
    bookings: Vec<BookingId>,
    events: u64,
    outbox: BTreeMap<u64, Entry>,
    /// Users who lost access, by the number of the outbox entry, until the entry is published.
    lost_access: BTreeMap<u64, UserId>,
}

#[derive(Debug)]
struct LaneState {
    head: u64,
    owner: Option<WorkerId>,
    until: Timestamp,
    tries: u32,
    refusals: u32,
}

/// The outbox entry that a step appends.
#[derive(Debug, Clone)]
struct Event {
    of: ConversationId,
    kind: EntryKind,
    at: Timestamp,
    lost_access: Option<UserId>,
}

impl State {
    /// Numbers the entry of a step taken `now`, appends it, and creates a lane if the conversation has none.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal) for an unknown conversation: no step has an entry of one.
    fn commit(&mut self, event: Event, now: Timestamp, by: Publisher) -> Result<CommittedEntry, StoreError> {
        let Event {
            of: id,
            kind,
            at,
            lost_access,
        } = event;
        let thread = self.threads.get_mut(&id);
        let thread = thread.ok_or(StoreError::new(StoreErrorKind::Internal, "committing an event"))?;
        thread.events += 1;
        let number = thread.events;
        let entry = Entry {
            conversation_id: id,
            number,
            kind,
            at,
        };
        thread.outbox.insert(number, entry);
        thread
            .lost_access
            .extend(lost_access.map(|user_id| (number, user_id)));
        if self.lanes.contains_key(&id) {
            return Ok(CommittedEntry::new(number));
        }
        let (owner, until) = match by {
            Publisher::Worker { id, lease_until } => (Some(id), lease_until),
            Publisher::Anyone => (None, now),
        };
        let lane = LaneState {
            head: number,
            owner,
            until,
            tries: 0,
            refusals: 0,
        };
        let given = owner.map(|_| lane.as_lane(id));
        self.lanes.insert(id, lane);
        Ok(CommittedEntry::new(number).with_lane(given))
    }
}

impl LaneState {
    fn as_lane(&self, conversation_id: ConversationId) -> Lane {
        Lane {
            conversation_id,
            head: self.head,
            lease_until: self.until,
            tries: self.tries,
            refusals: self.refusals,
        }
    }
}

impl Thread {
    fn summary(&self) -> ConversationSummary {
        ConversationSummary {
            conversation: self.conversation.clone(),
            booking_id: self.bookings.last().cloned(),
            last_message: self.messages.last().cloned(),
        }
    }

    fn row(&self, message: &Message) -> MessageRow {
        MessageRow {
            message: message.clone(),
            read: PerSide::from_fn(|side| first_covering(&self.receipts, side, message.seq)),
        }
    }

    /// The message with that seq. Seqs have no gaps, so its index is `seq - 1`.
    fn message(&self, seq: u64) -> Option<&Message> {
        usize::try_from(seq)
            .ok()?
            .checked_sub(1)
            .and_then(|at| self.messages.get(at))
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn record_access(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.lock().audit.insert(record.id, record.clone());
        Ok(())
    }

    async fn list_accesses(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let state = self.lock();
        let below = state
            .audit
            .iter()
            .rev()
            .filter(|(id, _)| before.is_none_or(|before| **id < before));
        Ok(below.take(limit).map(|(_, record)| record.clone()).collect())
    }
}
