//! The transitions of a conversation: a message is appended, and messages are read.
//!
//! The transitions are the rules of the domain. A store applies them atomically: it calls them under its lock or in its
//! transaction, or runs a statement with the same effect.

use super::{
    conversation::Conversation,
    message::{Message, NewMessage},
    receipt::Receipt,
    side::{PerSide, Side},
    unread::ReadMark,
};
use crate::time::Timestamp;

impl Conversation {
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
            idempotency_key: new.idempotency_key.clone(),
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{body::Body, message::Origin, receipt::first_covering, side::Recipients},
        id::{AgentId, ConversationId, MessageId, UserId},
    };

    fn conversation() -> Conversation {
        let user = |id| UserId::parse(id).unwrap();
        let agency = AgentId::parse("agency").unwrap();
        let id = ConversationId::new(Uuid::nil());
        Conversation::between(
            id,
            user("client"),
            agency,
            user("agent"),
            Timestamp::from_millis(1_000),
        )
    }

    fn message(origin: Origin, n: u128, at: i64) -> NewMessage {
        NewMessage {
            id: MessageId::new(Uuid::from_u128(n)),
            origin,
            body: Body::parse("hello").unwrap(),
            extras: None,
            idempotency_key: None,
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
                        messages.push(conversation.append(&message(Origin::user(side, user_id), n, at)));
                    }
                    Step::System(to) => messages.push(conversation.append(&message(Origin::system(to), n, at))),
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
                        messages.push(conversation.append(&message(Origin::user(side, user_id), n, at)));
                    }
                    Step::System(to) => messages.push(conversation.append(&message(Origin::system(to), n, at))),
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
