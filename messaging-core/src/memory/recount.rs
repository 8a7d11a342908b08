use async_trait::async_trait;

use super::{LaneState, MemoryStore, Thread};
use crate::{
    domain::{
        receipt::Receipt,
        side::{PerSide, Side},
        unread::ReadMark,
    },
    store::{LaneRecount, Recount, RecountScan, RecountStore, SideRecount, StoreError, Unpublished},
    time::Timestamp,
};

#[async_trait]
impl RecountStore for MemoryStore {
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        let state = self.lock();
        let threads = state.threads.iter().filter(|(id, _)| {
            scan.after.is_none_or(|after| **id > after) && scan.up_to.is_none_or(|up_to| **id <= up_to)
        });
        let recounts = threads.map(|(id, thread)| thread.recount(state.lanes.get(id)));
        Ok(recounts.take(scan.limit).collect())
    }
}

impl Thread {
    fn recount(&self, lane: Option<&LaneState>) -> Recount {
        let newest = self.messages.iter().max_by_key(|message| message.seq);
        Recount {
            conversation: self.conversation.clone(),
            events: self.events,
            messages: self.messages.len() as u64,
            last_seq: newest.map_or(0, |message| message.seq),
            newest_at: newest.map(|message| message.created_at),
            first_untimely: self.first_untimely(),
            sides: PerSide::from_fn(|side| self.recount_side(side)),
            unpublished: self.unpublished(),
            lane: lane.map(|lane| LaneRecount {
                head: lane.head,
                tail: None,
            }),
        }
    }

    fn first_untimely(&self) -> Option<u64> {
        let times = self.messages.iter().map(|message| message.created_at);
        let before = std::iter::once(self.conversation.created_at).chain(times);
        let mut pairs = self.messages.iter().zip(before);
        let untimely = pairs.find(|(message, before)| message.created_at < *before);
        untimely.map(|(message, _)| message.seq)
    }

    fn recount_side(&self, side: Side) -> SideRecount {
        let receipts: Vec<_> = self.receipts.iter().filter(|one| one.side == side).collect();
        let last = receipts.last().map(|receipt| ReadMark {
            up_to_seq: receipt.up_to_seq,
            at: receipt.read_at,
        });
        let mut recount = SideRecount {
            last_receipt: last,
            first_wrong_receipt: self.first_wrong(&receipts),
            ..SideRecount::default()
        };
        for message in &self.messages {
            let addressed = u64::from(message.origin.addresses(side));
            recount.addressed += addressed;
            if last.is_some_and(|last| message.seq <= last.up_to_seq) {
                recount.read += addressed;
            }
            if *message.positions.of(side) != recount.addressed {
                recount.first_misplaced = recount.first_misplaced.or(Some(message.seq));
            }
        }
        recount
    }

    fn first_wrong(&self, receipts: &[&Receipt]) -> Option<u64> {
        let mut before = Timestamp::EPOCH;
        let wrong = receipts.iter().find(|receipt| {
            let message = self
                .messages
                .iter()
                .find(|message| message.seq == receipt.up_to_seq);
            let earliest = message.map(|message| message.created_at.max(before));
            before = receipt.read_at;
            earliest.is_none_or(|earliest| receipt.read_at < earliest)
        });
        wrong.map(|receipt| receipt.up_to_seq)
    }

    fn unpublished(&self) -> Option<Unpublished> {
        let (first, _) = self.outbox.first_key_value()?;
        let (last, _) = self.outbox.last_key_value()?;
        Some(Unpublished {
            first: *first,
            last: *last,
            count: self.outbox.len() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{
            body::Body,
            change::Change,
            conversation::Conversation,
            message::{NewMessage, Origin},
            opening::PreparedOpen,
            side::Recipients,
        },
        id::{AgentId, ConversationId, MessageId, UserId},
        verify::{Finding, compare},
    };
    use Side::{Agent, Client};

    #[derive(Debug, Clone)]
    enum Step {
        Send(Origin),
        /// Reads up to one of the messages, by its index.
        Read(Side, usize),
        Change(Change),
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn thread() -> Thread {
        let conversation = Conversation::new(&PreparedOpen {
            id: ConversationId::new(Uuid::nil()),
            client_id: user("client"),
            agent_id: AgentId::parse("agency").unwrap(),
            agent_user_id: user("agent"),
            booking_id: None,
            now: Timestamp::from_millis(1_000),
        });
        Thread {
            conversation,
            messages: Vec::new(),
            keys: HashMap::new(),
            receipts: Vec::new(),
            bookings: Vec::new(),
            events: 1,
            outbox: BTreeMap::new(),
            lost_access: BTreeMap::new(),
        }
    }

    fn apply(thread: &mut Thread, step: Step, now: Timestamp) {
        let number = thread.messages.len() as u128;
        thread.events += 1;
        match step {
            Step::Send(origin) => thread.messages.push(thread.conversation.append(&NewMessage {
                id: MessageId::new(Uuid::from_u128(number)),
                origin,
                body: Body::parse("hello").unwrap(),
                extras: None,
                idempotency_key: None,
                now,
                digest_at: None,
            })),
            Step::Read(side, up_to) if !thread.messages.is_empty() => {
                let up_to = &thread.messages[up_to % thread.messages.len()];
                thread.receipts.extend(thread.conversation.read(side, up_to, now));
            }
            Step::Read(..) => {}
            Step::Change(change) => drop(thread.conversation.apply(&change)),
        }
    }

    fn from(side: Side) -> Origin {
        let user_id = user("somebody");
        Origin::user(side, user_id)
    }

    fn found(thread: &Thread) -> Vec<Finding> {
        compare(&thread.recount(None))
            .iter()
            .map(|one| one.finding)
            .collect()
    }

    /// Checks the findings after `harm` to a thread of four messages: two of the client, one of the agent, and one of
    /// the system to both sides. The agent has read all of them, the first two in two steps.
    fn check(harm: impl FnOnce(&mut Thread), expected: &[Finding]) {
        let mut thread = thread();
        for (at, step) in [
            (2, Step::Send(from(Client))),
            (3, Step::Read(Agent, 0)),
            (4, Step::Send(from(Client))),
            (5, Step::Read(Agent, 1)),
            (6, Step::Send(from(Agent))),
            (7, Step::Send(Origin::system(Recipients::Both))),
            (8, Step::Read(Agent, 3)),
        ] {
            apply(&mut thread, step, Timestamp::from_millis(at * 1_000));
        }
        assert_eq!(found(&thread), []);
        harm(&mut thread);
        assert_eq!(found(&thread), expected);
    }

    #[test]
    fn a_lost_message_is_found_in_every_counter() {
        let harm = |thread: &mut Thread| drop(thread.messages.remove(1));
        check(
            harm,
            &[
                Finding::Messages {
                    last_seq: 4,
                    counted: 3,
                },
                Finding::Position { side: Agent, seq: 3 },
                Finding::Received {
                    side: Agent,
                    kept: 3,
                    counted: 2,
                },
                Finding::Read {
                    side: Agent,
                    kept: 3,
                    counted: 2,
                },
                Finding::Receipt {
                    side: Agent,
                    up_to_seq: 2,
                },
            ],
        );
    }

    #[test]
    fn the_first_message_with_a_wrong_position_or_time_is_reported() {
        check(
            |thread| thread.messages[2].positions.client = 0,
            &[Finding::Position { side: Client, seq: 3 }],
        );
        check(
            |thread| thread.messages[0].created_at = Timestamp::EPOCH,
            &[Finding::Time { seq: 1 }],
        );
        check(
            |thread| thread.messages[2].created_at = Timestamp::from_millis(3_500),
            &[Finding::Time { seq: 3 }],
        );
    }

    #[test]
    fn a_receipt_older_than_its_message_or_its_predecessor_is_wrong() {
        for too_early in [2_500, 3_999] {
            check(
                |thread| thread.receipts[1].read_at = Timestamp::from_millis(too_early),
                &[Finding::Receipt {
                    side: Agent,
                    up_to_seq: 2,
                }],
            );
        }
    }

    proptest! {
        #[test]
        fn transitions_never_cause_a_discrepancy(steps in steps()) {
            let mut thread = thread();
            for (step, at) in steps {
                apply(&mut thread, step, Timestamp::from_millis(at));
                prop_assert_eq!(found(&thread), []);
            }
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let side = || prop::sample::select(Side::ALL.to_vec());
        let to = prop_oneof![side().prop_map(Recipients::Side), Just(Recipients::Both)];
        let change = prop_oneof![
            side().prop_map(Change::Block),
            Just(Change::Close),
            Just(Change::Reassign(user("new"))),
        ];
        let step = prop_oneof![
            3 => side().prop_map(|side| Step::Send(from(side))),
            1 => to.prop_map(|to| Step::Send(Origin::system(to))),
            3 => (side(), any::<usize>()).prop_map(|(side, up_to)| Step::Read(side, up_to)),
            1 => change.prop_map(Step::Change),
        ];
        prop::collection::vec((step, 0..5_000_i64), 0..60)
    }
}
