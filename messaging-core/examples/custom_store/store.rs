//! What the store keeps: one record for each conversation, and the dead letters, behind one mutex.
//!
//! Every method of the two traits locks the mutex once and awaits nothing. So it is one step: all of it happens or
//! nothing does, steps on one conversation come one after the other, and a dropped future leaves nothing half done.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use messaging_core::{
    BookingId, ConversationId, Side, Timestamp, UserId,
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::{IdempotencyKey, Message},
        receipt::{MessageRow, Receipt, first_covering},
        side::PerSide,
    },
    id::WorkerId,
    store::{CommittedEntry, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane, Publisher, Store},
};

/// Clones share what it keeps, as clones of a pool of connections do.
#[derive(Clone, Default)]
pub(crate) struct CustomStore(Arc<Mutex<State>>);

/// No capabilities: every getter answers `None` by default.
impl Store for CustomStore {}

#[derive(Default)]
pub(crate) struct State {
    /// By id. A real backend has indexes for what is found here by looking at all of them.
    pub(crate) records: BTreeMap<ConversationId, Record>,
    /// Links of bookings, the newest last.
    pub(crate) links: Vec<(BookingId, ConversationId)>,
    pub(crate) dead_letters: BTreeMap<DeadLetterPosition, DeadLetter>,
}

/// A conversation and all that belongs to it.
pub(crate) struct Record {
    pub(crate) conversation: Conversation,
    /// In the order of their seqs.
    pub(crate) messages: Vec<Message>,
    /// In the order in which they were added.
    pub(crate) receipts: Vec<Receipt>,
    /// The newest link last.
    pub(crate) bookings: Vec<BookingId>,
    /// The number of the newest event, published or not: no number is used twice.
    pub(crate) last_number: u64,
    /// The events that are not published, in the order of their numbers.
    pub(crate) unpublished: Vec<Unpublished>,
    /// Present from the first unpublished event until the acknowledgement of the last one.
    pub(crate) lane: Option<LeasedLane>,
}

pub(crate) struct Unpublished {
    pub(crate) entry: Entry,
    pub(crate) lost_access: Option<UserId>,
}

pub(crate) struct LeasedLane {
    /// Its `lease_until` is also the time from which on a lane without an owner may be claimed.
    pub(crate) lane: Lane,
    pub(crate) owner: Option<WorkerId>,
}

impl CustomStore {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    pub(crate) fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            messages: Vec::new(),
            receipts: Vec::new(),
            bookings: Vec::new(),
            last_number: 0,
            unpublished: Vec::new(),
            lane: None,
        }
    }

    /// Adds the event of a step taken at `now`; in SQL this belongs to the transaction of the step.
    ///
    /// A conversation without a lane gets one. It belongs to the publisher, who is told so, or it is due at once. A lane
    /// that is there keeps its owner, who finds the event behind the others.
    pub(crate) fn commit(
        &mut self,
        kind: EntryKind,
        at: Timestamp,
        now: Timestamp,
        publisher: Publisher,
    ) -> CommittedEntry {
        let conversation_id = self.conversation.id;
        self.last_number += 1;
        let entry = Entry::new(conversation_id, self.last_number, kind, at);
        let lost_access = None;
        self.unpublished.push(Unpublished { entry, lost_access });
        let committed = CommittedEntry::new(self.last_number);
        if self.lane.is_some() {
            return committed;
        }
        let (owner, lease_until) = match publisher {
            Publisher::Worker { id, lease_until } => (Some(id), lease_until),
            Publisher::Anyone => (None, now),
        };
        let lane = Lane::new(conversation_id, self.last_number, lease_until);
        self.lane = Some(LeasedLane { lane: lane.clone(), owner });
        committed.with_lane(owner.map(|_| lane))
    }

    pub(crate) fn summary(&self) -> ConversationSummary {
        ConversationSummary::new(self.conversation.clone())
            .with_booking_id(self.bookings.last().cloned())
            .with_last_message(self.messages.last().cloned())
    }

    pub(crate) fn row(&self, message: &Message) -> MessageRow {
        MessageRow::unread(message.clone())
            .with_read(PerSide::from_fn(|side: Side| first_covering(&self.receipts, side, message.seq)))
    }

    /// The message of a key. Each sender has keys of their own in each conversation, and so has the system.
    pub(crate) fn sent(&self, sender: Option<&UserId>, key: &IdempotencyKey) -> Option<MessageRow> {
        let mut messages = self.messages.iter();
        let is_it = |message: &&Message| {
            message.idempotency_key.as_ref() == Some(key) && message.origin.sender() == sender
        };
        messages.find(is_it).map(|message| self.row(message))
    }
}
