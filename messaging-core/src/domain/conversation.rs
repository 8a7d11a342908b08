//! A conversation and its transitions.
//!
//! The transitions are the rules of the domain. A store applies them atomically: it calls them under its lock or in its
//! transaction, or runs a statement with the same effect.
//!
//! Unread is the difference of two counters, `received - read`. Sending increments the other side's `received`. Reading
//! up to a message sets `read` to the larger of its value and the message's position. Both operations commute, so the
//! count stays exact under any interleaving, retry or crash.

use serde::Serialize;

use crate::{
    domain::{
        body::Body,
        digest::DigestMark,
        erasure::erased_user,
        message::{IdempotencyKey, Message, MessageExtras, Origin},
        receipt::Receipt,
        side::{PerSide, Side},
    },
    id::{AgentId, BookingId, ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// The one thread between one client and one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The client.
    pub client_id: UserId,
    /// The agent.
    pub agent_id: AgentId,
    /// The user who answers for the agent.
    pub agent_user_id: UserId,
    /// The number that a step was decided on: raised by every block, unblock, close, reopen, reassignment and erasure,
    /// and by every booking that is linked or unlinked.
    pub access_version: u32,
    /// Which sides have blocked the other.
    pub blocked_by: PerSide<bool>,
    /// Whether an admin has closed it.
    pub closed: bool,
    /// The seq of the newest message; 0 without messages.
    pub last_seq: u64,
    /// The number of messages that each side has received and read.
    pub counters: PerSide<UnreadCounter>,
    /// The progress of digests about each side.
    pub digests: PerSide<DigestMark>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The time of the newest message, or of opening. Never decreases.
    pub activity_at: Timestamp,
}

impl Conversation {
    /// A conversation as it is when it is opened, at this time.
    pub fn between(
        id: ConversationId,
        client_id: UserId,
        agent_id: AgentId,
        agent_user_id: UserId,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            client_id,
            agent_id,
            agent_user_id,
            access_version: 0,
            blocked_by: PerSide::default(),
            closed: false,
            last_seq: 0,
            counters: PerSide::default(),
            digests: PerSide::default(),
            created_at,
            activity_at: created_at,
        }
    }

    with! {
        with_access_version access_version: u32,
        with_blocked_by blocked_by: PerSide<bool>,
        with_closed closed: bool,
        with_last_seq last_seq: u64,
        with_counters counters: PerSide<UnreadCounter>,
        with_digests digests: PerSide<DigestMark>,
        with_activity_at activity_at: Timestamp,
    }
}

/// The messages that one side has received and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UnreadCounter {
    /// The number of messages addressed to this side.
    pub received: u64,
    /// The number of received messages up to the last one read; at most `received`.
    pub read: u64,
    /// The last message read, and when; `None` until the side has read a message.
    pub last_read: Option<ReadMark>,
}

impl UnreadCounter {
    with! {
        with_received received: u64,
        with_read read: u64,
        with_last_read last_read: Option<ReadMark>,
    }
}

/// The read position of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadMark {
    /// The seq of the last message read.
    pub up_to_seq: u64,
    /// When the side read up to it.
    pub at: Timestamp,
}

impl ReadMark {
    /// A mark.
    pub fn new(up_to_seq: u64, at: Timestamp) -> Self {
        Self { up_to_seq, at }
    }
}

impl UnreadCounter {
    /// The number of unread messages of this side.
    pub const fn unread(&self) -> u64 {
        self.received.saturating_sub(self.read)
    }

    /// Grows with every change of the unread count: of two counts, the one with the greater version is newer.
    pub const fn version(&self) -> u64 {
        self.received + self.read
    }
}

/// Whether people can write in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Both sides can write.
    Open,
    /// At least one side has blocked the other.
    Blocked,
    /// Neither side can write: the conversation is closed. Takes precedence over `Blocked`.
    Closed,
}

/// A conversation with its newest booking and its newest message, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationSummary {
    /// The conversation.
    pub conversation: Conversation,
    /// The most recently linked booking.
    pub booking_id: Option<BookingId>,
    /// The message with the highest seq.
    pub last_message: Option<Message>,
}

impl ConversationSummary {
    /// A conversation without bookings and messages.
    pub fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            booking_id: None,
            last_message: None,
        }
    }

    with! {
        with_conversation conversation: Conversation,
        with_booking_id booking_id: Option<BookingId>,
        with_last_message last_message: Option<Message>,
    }
}

/// A prepared opening: the conversation is created, with this id and time, unless the pair has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreparedOpen {
    /// The id of a new conversation.
    pub id: ConversationId,
    /// The client.
    pub client_id: UserId,
    /// The agent.
    pub agent_id: AgentId,
    /// The user who answers for the agent of a new conversation; an existing conversation keeps its own.
    pub agent_user_id: UserId,
    /// A booking to link, already checked to belong to this client and this agent.
    pub booking_id: Option<BookingId>,
    /// The time of the opening.
    pub now: Timestamp,
}

impl PreparedOpen {
    /// A plan without a booking.
    pub fn new(
        id: ConversationId,
        client_id: UserId,
        agent_id: AgentId,
        agent_user_id: UserId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            client_id,
            agent_id,
            agent_user_id,
            booking_id: None,
            now,
        }
    }

    with! {
        with_id id: ConversationId,
        with_client_id client_id: UserId,
        with_agent_id agent_id: AgentId,
        with_agent_user_id agent_user_id: UserId,
        with_booking_id booking_id: Option<BookingId>,
        with_now now: Timestamp,
    }
}

/// A message to store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// The sender.
    pub origin: Origin,
    /// The text.
    pub body: Body,
    /// What belongs to it besides its text.
    pub extras: Option<MessageExtras>,
    /// The key that makes the send repeatable.
    pub key: Option<IdempotencyKey>,
    /// The time of sending.
    pub now: Timestamp,
    /// When a digest of the message is due, unless the side has an earlier one due; `None` if digests are off.
    pub digest_at: Option<Timestamp>,
}

impl NewMessage {
    /// A message without extras and without a key, about which no e-mail is due.
    pub fn new(id: MessageId, origin: Origin, body: Body, now: Timestamp) -> Self {
        Self {
            id,
            origin,
            body,
            extras: None,
            key: None,
            now,
            digest_at: None,
        }
    }

    with! {
        with_id id: MessageId,
        with_origin origin: Origin,
        with_body body: Body,
        with_extras extras: Option<MessageExtras>,
        with_key key: Option<IdempotencyKey>,
        with_now now: Timestamp,
        with_digest_at digest_at: Option<Timestamp>,
    }
}

/// The participants of a conversation, and which of them may write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessState {
    /// The client.
    pub client_id: UserId,
    /// The user who answers for the agent.
    pub agent_user_id: UserId,
    /// Which sides refuse the other's messages.
    pub blocked_by: PerSide<bool>,
    /// Whether an admin or the host has closed it.
    pub closed: bool,
}

impl AccessState {
    /// Two participants who may both write.
    pub fn new(client_id: UserId, agent_user_id: UserId) -> Self {
        Self {
            client_id,
            agent_user_id,
            blocked_by: PerSide::default(),
            closed: false,
        }
    }
}

/// A change of the participants, of their right to write, or of the bookings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The side refuses the other side's messages.
    Block(Side),
    /// The side accepts the other side's messages again.
    Unblock(Side),
    /// Neither side can write any more.
    Close,
    /// Participants may write again.
    Reopen,
    /// Another user answers for the agent.
    Reassign(UserId),
    /// The user on that side is replaced by the [erased user](erased_user), and no digest is due for it any more.
    Erase(Side),
    /// A booking is unlinked.
    Unlink(BookingId),
}

impl Conversation {
    /// Creates the conversation of a prepared opening.
    pub fn new(plan: &PreparedOpen) -> Self {
        Self::between(
            plan.id,
            plan.client_id.clone(),
            plan.agent_id.clone(),
            plan.agent_user_id.clone(),
            plan.now,
        )
    }

    /// The side of a user; `None` for a user who does not take part.
    pub fn side_of(&self, user_id: &UserId) -> Option<Side> {
        Side::ALL.into_iter().find(|side| self.user(*side) == user_id)
    }

    /// The user on that side.
    pub const fn user(&self, side: Side) -> &UserId {
        match side {
            Side::Client => &self.client_id,
            Side::Agent => &self.agent_user_id,
        }
    }

    /// The status: closed takes precedence over blocked, and blocked over open.
    pub const fn status(&self) -> Status {
        if self.closed {
            Status::Closed
        } else if self.blocked_by.client || self.blocked_by.agent {
            Status::Blocked
        } else {
            Status::Open
        }
    }

    /// Appends a message: assigns the next seq, both positions and a time that is not before the newest activity, and
    /// sets when the addressed sides are due for a digest.
    pub fn append(&mut self, new: &NewMessage) -> Message {
        self.last_seq += 1;
        self.activity_at = self.activity_at.max(new.now);
        for side in Side::ALL {
            if new.origin.addresses(side) {
                self.counters.of_mut(side).received += 1;
                let mark = self.digests.of_mut(side);
                mark.due_at = mark.due_at.or(new.digest_at);
            }
        }
        Message {
            id: new.id,
            conversation_id: self.id,
            seq: self.last_seq,
            origin: new.origin.clone(),
            body: new.body.clone(),
            extras: new.extras.clone(),
            key: new.key.clone(),
            created_at: self.activity_at,
            positions: PerSide::from_fn(|side| self.counters.of(side).received),
        }
    }

    /// Reads up to a message of this conversation; `None` if the side had already read up to it. A side that has read
    /// all its messages is no longer due for a digest.
    pub fn read(&mut self, side: Side, up_to: &Message, now: Timestamp) -> Option<Receipt> {
        let activity_at = self.activity_at;
        let counter = self.counters.of_mut(side);
        let position = *up_to.positions.of(side);
        if position <= counter.read {
            return None;
        }
        let earlier = counter.last_read.map_or(Timestamp::EPOCH, |mark| mark.at);
        let at = now.max(activity_at).max(earlier);
        counter.read = position;
        if position == counter.received {
            self.digests.of_mut(side).due_at = None;
        }
        let counter = self.counters.of_mut(side);
        counter.last_read = Some(ReadMark {
            up_to_seq: up_to.seq,
            at,
        });
        Some(Receipt {
            side,
            up_to_seq: up_to.seq,
            read_at: at,
        })
    }

    /// The user whose access a change ends: the replaced user of the agent, or the erased user. `None` for a change
    /// that ends no access or changes nothing.
    pub fn loses_access(&self, change: &Change) -> Option<&UserId> {
        match change {
            Change::Reassign(to) => Some(&self.agent_user_id).filter(|from| *from != to),
            Change::Erase(side) => {
                Some(self.user(*side)).filter(|user| **user != erased_user(self.id, *side))
            }
            Change::Block(_) | Change::Unblock(_) | Change::Close | Change::Reopen | Change::Unlink(_) => {
                None
            }
        }
    }

    /// The participants, and which of them may write.
    pub fn access_state(&self) -> AccessState {
        AccessState {
            client_id: self.client_id.clone(),
            agent_user_id: self.agent_user_id.clone(),
            blocked_by: self.blocked_by,
            closed: self.closed,
        }
    }

    /// Sets the access state and raises the access version. A store does so with
    /// [`ChangeState::after`](crate::store::ChangeState::after).
    pub fn set_access(&mut self, after: &AccessState) {
        let AccessState {
            client_id,
            agent_user_id,
            blocked_by,
            closed,
        } = after.clone();
        self.client_id = client_id;
        self.agent_user_id = agent_user_id;
        self.blocked_by = blocked_by;
        self.closed = closed;
        self.access_version += 1;
    }

    /// Applies a change and raises the access version; `false`, without any effect, if the change had already been
    /// made. Bookings are not part of this value, so only the store can apply [`Change::Unlink`].
    pub fn apply(&mut self, change: &Change) -> bool {
        let before = (self.blocked_by, self.closed);
        match change {
            Change::Block(side) => *self.blocked_by.of_mut(*side) = true,
            Change::Unblock(side) => *self.blocked_by.of_mut(*side) = false,
            Change::Close => self.closed = true,
            Change::Reopen => self.closed = false,
            Change::Reassign(user_id) if self.agent_user_id != *user_id => {
                self.agent_user_id = user_id.clone();
                self.access_version += 1;
                return true;
            }
            Change::Reassign(_) | Change::Unlink(_) => {}
            Change::Erase(side) => {
                let erased = erased_user(self.id, *side);
                if *self.user(*side) == erased {
                    return false;
                }
                match side {
                    Side::Client => self.client_id = erased,
                    Side::Agent => self.agent_user_id = erased,
                }
                self.digests.of_mut(*side).due_at = None;
                self.access_version += 1;
                return true;
            }
        }
        let changed = before != (self.blocked_by, self.closed);
        self.access_version += u32::from(changed);
        changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{receipt::first_covering, side::Recipients};

    fn conversation() -> Conversation {
        let user = |id| UserId::parse(id).unwrap();
        Conversation::new(&PreparedOpen {
            id: ConversationId::new(Uuid::nil()),
            client_id: user("client"),
            agent_id: AgentId::parse("agency").unwrap(),
            agent_user_id: user("agent"),
            booking_id: None,
            now: Timestamp::from_millis(1_000),
        })
    }

    fn message(origin: Origin, n: u128, at: i64) -> NewMessage {
        NewMessage {
            id: MessageId::new(Uuid::from_u128(n)),
            origin,
            body: Body::parse("hello").unwrap(),
            extras: None,
            key: None,
            now: Timestamp::from_millis(at),
            digest_at: Some(Timestamp::from_millis(at + 1_800_000)),
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Send(Side),
        System(Recipients),
        Read(Side, prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let side = || prop::sample::select(Side::ALL.to_vec());
        let to = prop_oneof![side().prop_map(Recipients::Side), Just(Recipients::Both)];
        let step = prop_oneof![
            3 => side().prop_map(Step::Send),
            1 => to.prop_map(Step::System),
            3 => (side(), any::<prop::sample::Index>()).prop_map(|(side, at)| Step::Read(side, at)),
        ];
        prop::collection::vec((step, 0..5_000_i64), 0..60)
    }

    #[test]
    fn blocking_twice_changes_nothing() {
        let mut conversation = conversation();
        assert!(conversation.apply(&Change::Block(Side::Client)));
        assert!(!conversation.apply(&Change::Block(Side::Client)));
        assert_eq!(
            (conversation.access_version, conversation.status()),
            (1, Status::Blocked)
        );
        assert!(
            conversation.apply(&Change::Block(Side::Agent))
                && conversation.apply(&Change::Unblock(Side::Client))
        );
        assert_eq!(
            (conversation.access_version, conversation.status()),
            (3, Status::Blocked)
        );
        assert!(conversation.apply(&Change::Close));
        assert_eq!(conversation.status(), Status::Closed);
        assert!(conversation.apply(&Change::Reopen) && conversation.apply(&Change::Unblock(Side::Agent)));
        assert_eq!(
            (conversation.access_version, conversation.status()),
            (6, Status::Open)
        );
    }

    #[test]
    fn reassigning_replaces_the_user_and_keeps_the_read_position() {
        let mut conversation = conversation();
        let origin = Origin::User {
            side: Side::Client,
            user_id: conversation.client_id.clone(),
        };
        conversation.append(&message(origin, 1, 2_000));
        let new = UserId::parse("new").unwrap();
        assert!(conversation.apply(&Change::Reassign(new.clone())));
        assert!(!conversation.apply(&Change::Reassign(new.clone())));
        assert_eq!(conversation.side_of(&new), Some(Side::Agent));
        assert_eq!(conversation.side_of(&UserId::parse("agent").unwrap()), None);
        assert_eq!(
            (conversation.access_version, conversation.counters.agent.unread()),
            (1, 1)
        );
    }

    proptest! {
        #[test]
        fn counters_equal_a_recount_after_any_steps(steps in steps()) {
            let mut conversation = conversation();
            let mut messages: Vec<Message> = Vec::new();
            let mut receipts: Vec<Receipt> = Vec::new();
            for (n, (step, at)) in (0..).zip(steps) {
                let before = conversation.counters;
                match step {
                    Step::Send(side) => {
                        let user_id = conversation.user(side).clone();
                        messages.push(conversation.append(&message(Origin::User { side, user_id }, n, at)));
                    }
                    Step::System(to) => messages.push(conversation.append(&message(Origin::System { to }, n, at))),
                    Step::Read(..) if messages.is_empty() => {}
                    Step::Read(side, index) => {
                        let read = conversation.read(side, index.get(&messages), Timestamp::from_millis(at));
                        receipts.extend(read);
                    }
                }
                for side in Side::ALL {
                    let counter = conversation.counters.of(side);
                    let highest = receipts.iter().filter(|r| r.side == side).map(|r| r.up_to_seq).max().unwrap_or(0);
                    let unread = messages.iter().filter(|m| m.origin.addresses(side) && m.seq > highest).count();
                    prop_assert_eq!(counter.unread(), unread as u64);
                    prop_assert_eq!(counter.last_read.map_or(0, |mark| mark.up_to_seq), highest);
                    prop_assert!(counter.read >= before.of(side).read && counter.read <= counter.received);
                    prop_assert!(counter.version() >= before.of(side).version());
                    prop_assert_eq!(counter.version() == before.of(side).version(), counter == before.of(side));
                }
            }
            prop_assert!(messages.iter().zip(1..).all(|(message, seq)| message.seq == seq));
            prop_assert!(messages.is_sorted_by_key(|message| message.created_at));
            for side in Side::ALL {
                let own: Vec<_> = receipts.iter().filter(|r| r.side == side).collect();
                prop_assert!(own.is_sorted_by(|a, b| a.up_to_seq < b.up_to_seq && a.read_at <= b.read_at));
            }
        }

        #[test]
        fn read_at_is_set_by_reading_and_never_changes(steps in steps()) {
            let mut conversation = conversation();
            let mut messages: Vec<Message> = Vec::new();
            let mut receipts: Vec<Receipt> = Vec::new();
            for (n, (step, at)) in (0..).zip(steps) {
                match step {
                    Step::Send(side) => {
                        let user_id = conversation.user(side).clone();
                        messages.push(conversation.append(&message(Origin::User { side, user_id }, n, at)));
                    }
                    Step::System(to) => messages.push(conversation.append(&message(Origin::System { to }, n, at))),
                    Step::Read(..) if messages.is_empty() => {}
                    Step::Read(side, index) => {
                        let shown = |receipts: &[Receipt]| -> Vec<_> {
                            let read = |m: &Message| Side::ALL.map(|side| first_covering(receipts, side, m.seq));
                            messages.iter().flat_map(read).collect()
                        };
                        let before = shown(&receipts);
                        let read = conversation.read(side, index.get(&messages), Timestamp::from_millis(at));
                        receipts.extend(read);
                        let is_kept = |(before, after): (&Option<_>, &Option<_>)| before.is_none() || before == after;
                        prop_assert!(before.iter().zip(&shown(&receipts)).all(is_kept));
                    }
                }
            }
            for message in &messages {
                for side in Side::ALL.into_iter().filter(|side| message.origin.addresses(*side)) {
                    let is_read = *message.positions.of(side) <= conversation.counters.of(side).read;
                    prop_assert_eq!(first_covering(&receipts, side, message.seq).is_some(), is_read);
                }
            }
        }
    }
}
