use messaging_core::{
    domain::{
        change::Change,
        conversation::{Conversation, ConversationSummary},
        message::{IdempotencyKey, Message, NewMessage},
        opening::PreparedOpen,
        receipt::{MessageRow, Receipt},
        scope::ListScope,
        side::{PerSide, Side},
        unread::{ReadMark, UnreadCounter},
    },
    id::{BookingId, UserId},
    store::Marked,
    time::Timestamp,
};

use super::outbox::NaiveOutbox;

/// A conversation in the simplest form: lists of events and no counters.
#[derive(Debug)]
pub(super) struct NaiveThread {
    plan: PreparedOpen,
    agent_user_id: UserId,
    access_version: u32,
    blocked_by: PerSide<bool>,
    closed: bool,
    pub(super) messages: Vec<Message>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) bookings: Vec<BookingId>,
    pub(super) outbox: NaiveOutbox,
}

impl NaiveThread {
    pub(super) fn new(plan: &PreparedOpen) -> Self {
        Self {
            plan: plan.clone(),
            agent_user_id: plan.agent_user_id.clone(),
            access_version: 0,
            blocked_by: PerSide::default(),
            closed: false,
            messages: Vec::new(),
            receipts: Vec::new(),
            bookings: plan.booking_id.iter().cloned().collect(),
            outbox: NaiveOutbox::new(plan.id),
        }
    }

    /// Links a booking; returns `false` if it is linked already.
    pub(super) fn link(&mut self, booking: BookingId) -> bool {
        let is_new = !self.bookings.contains(&booking);
        if is_new {
            self.bookings.push(booking);
            self.access_version += 1;
        }
        is_new
    }

    /// Unlinks a booking; returns `false` if it is not linked.
    pub(super) fn unlink(&mut self, booking: &BookingId) -> bool {
        let linked = self.bookings.len();
        self.bookings.retain(|id| id != booking);
        let is_unlinked = self.bookings.len() < linked;
        self.access_version += u32::from(is_unlinked);
        is_unlinked
    }

    pub(super) fn conversation(&self) -> Conversation {
        Conversation::between(
            self.plan.id,
            self.plan.client_id.clone(),
            self.plan.agent_id.clone(),
            self.agent_user_id.clone(),
            self.plan.now,
        )
        .with_access_version(self.access_version)
        .with_blocked_by(self.blocked_by)
        .with_closed(self.closed)
        .with_last_seq(self.messages.len() as u64)
        .with_counters(PerSide::from_fn(|side| self.counter(side)))
        .with_activity_at(self.activity_at())
    }

    pub(super) fn summary(&self) -> ConversationSummary {
        ConversationSummary::new(self.conversation())
            .with_booking_id(self.bookings.last().cloned())
            .with_last_message(self.messages.last().cloned())
    }

    pub(super) fn counter(&self, side: Side) -> UnreadCounter {
        let received = self.addressed_up_to(side, u64::MAX);
        UnreadCounter::default()
            .with_received(received)
            .with_read(received - self.unread(side))
            .with_last_read(
                self.receipts_of(side)
                    .last()
                    .map(|receipt| ReadMark::new(receipt.up_to_seq, receipt.read_at)),
            )
    }

    /// Returns how many messages addressed to a side are above the highest that it has read.
    pub(super) fn unread(&self, side: Side) -> u64 {
        let highest = self.highest_read(side);
        let above = self.messages.iter().filter(|message| message.seq > highest);
        above.filter(|message| message.origin.addresses(side)).count() as u64
    }

    /// Returns the unread count of a scope's user; 0 for a user who is not a participant.
    pub(super) fn unread_in(&self, scope: &ListScope) -> u64 {
        let side = match scope {
            ListScope::Client(_) => Some(Side::Client),
            ListScope::Agent { .. } => Some(Side::Agent),
            ListScope::All(user_id) if *user_id == self.plan.client_id => Some(Side::Client),
            ListScope::All(user_id) => (*user_id == self.agent_user_id).then_some(Side::Agent),
        };
        side.map_or(0, |side| self.unread(side))
    }

    pub(super) fn is_in(&self, scope: &ListScope) -> bool {
        match scope {
            ListScope::Client(user_id) => *user_id == self.plan.client_id,
            ListScope::Agent { agent_id, user_id } => {
                *agent_id == self.plan.agent_id && *user_id == self.agent_user_id
            }
            ListScope::All(_) => true,
        }
    }

    pub(super) fn row(&self, message: &Message) -> MessageRow {
        let covering = |side| self.receipts_of(side).find(|one| one.up_to_seq >= message.seq);
        MessageRow::unread(message.clone()).with_read(PerSide::from_fn(|side| {
            covering(side).map(|receipt| receipt.read_at)
        }))
    }

    pub(super) fn sent(&self, sender: Option<&UserId>, key: &IdempotencyKey) -> Option<MessageRow> {
        let same = |message: &&Message| {
            message.origin.sender() == sender && message.idempotency_key.as_ref() == Some(key)
        };
        self.messages.iter().find(same).map(|message| self.row(message))
    }

    pub(super) fn append(&mut self, new: &NewMessage) -> Message {
        let seq = self.messages.len() as u64 + 1;
        let before = |side| self.addressed_up_to(side, u64::MAX);
        let message = Message::new(
            self.plan.id,
            seq,
            new.id,
            new.origin.clone(),
            new.body.clone(),
            new.now.max(self.activity_at()),
        )
        .with_extras(new.extras.clone())
        .with_idempotency_key(new.idempotency_key.clone())
        .with_positions(PerSide::from_fn(|side| {
            before(side) + u64::from(new.origin.addresses(side))
        }));
        self.messages.push(message.clone());
        message
    }

    /// Reads up to the message with that seq. The error is the outcome for a message that is read already.
    pub(super) fn read(&mut self, side: Side, up_to: u64, now: Timestamp) -> Result<Receipt, Marked> {
        let newest = self.messages.iter().rev();
        let mut newest = newest.filter(|one| one.seq <= up_to && one.origin.addresses(side));
        let newest = newest.next().cloned();
        let highest = self.highest_read(side);
        if newest.as_ref().is_none_or(|message| message.seq <= highest) {
            return Err(Marked::Already {
                counter: self.counter(side),
                read_at: newest.and_then(|message| *self.row(&message).read.of(side)),
            });
        }
        let last = self.receipts_of(side).last().map(|receipt| receipt.read_at);
        let receipt = Receipt::new(side, up_to, now.max(self.activity_at()).max(last.unwrap_or(now)));
        self.receipts.push(receipt);
        Ok(receipt)
    }

    pub(super) fn apply(&mut self, change: &Change) -> bool {
        let before = (self.blocked_by, self.closed, self.agent_user_id.clone());
        match change {
            Change::Block(side) => *self.blocked_by.of_mut(*side) = true,
            Change::Unblock(side) => *self.blocked_by.of_mut(*side) = false,
            Change::Close => self.closed = true,
            Change::Reopen => self.closed = false,
            Change::Reassign(user_id) => self.agent_user_id = user_id.clone(),
            Change::Erase(_) => panic!("the model does not support erasure"),
            other => panic!("the model does not support {other:?}"),
        }
        let changed = before != (self.blocked_by, self.closed, self.agent_user_id.clone());
        self.access_version += u32::from(changed);
        changed
    }

    pub(super) fn receipts_of(&self, side: Side) -> impl Iterator<Item = &Receipt> {
        self.receipts.iter().filter(move |receipt| receipt.side == side)
    }

    fn highest_read(&self, side: Side) -> u64 {
        let read = self.receipts_of(side).map(|receipt| receipt.up_to_seq);
        read.max().unwrap_or(0)
    }

    fn addressed_up_to(&self, side: Side, seq: u64) -> u64 {
        let up_to = self.messages.iter().filter(|message| message.seq <= seq);
        up_to.filter(|message| message.origin.addresses(side)).count() as u64
    }

    fn activity_at(&self) -> Timestamp {
        let times = self.messages.iter().map(|message| message.created_at);
        times.fold(self.plan.now, Timestamp::max)
    }
}
