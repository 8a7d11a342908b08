use super::{Discrepancy, Finding};
use crate::{
    domain::side::Side,
    store::{LaneRecount, Recount, Unpublished},
};

/// Finds every discrepancy between the stored state of a conversation and its recount.
///
/// A gap among the unpublished events is no discrepancy: dead letters are taken out of the outbox. Nor is a lane
/// without entries: its owner's next acknowledgement deletes it.
pub(crate) fn compare(recount: &Recount) -> Vec<Discrepancy> {
    let mut findings = messages(recount);
    for side in Side::ALL {
        findings.extend(counter(recount, side));
    }
    findings.extend(events(recount));
    let conversation_id = recount.conversation.id;
    let of = |finding| Discrepancy {
        conversation_id,
        finding,
    };
    findings.into_iter().map(of).collect()
}

fn messages(recount: &Recount) -> Vec<Finding> {
    let (conversation, last_seq) = (&recount.conversation, recount.last_seq);
    let activity_at = recount.newest_at.unwrap_or(conversation.created_at);
    let findings = [
        differ(conversation.last_seq, last_seq).map(|(kept, counted)| Finding::LastSeq { kept, counted }),
        differ(last_seq, recount.messages).map(|(last_seq, counted)| Finding::Messages { last_seq, counted }),
        differ(conversation.activity_at, activity_at)
            .map(|(kept, counted)| Finding::Activity { kept, counted }),
        recount.first_untimely.map(|seq| Finding::Time { seq }),
    ];
    findings.into_iter().flatten().collect()
}

fn counter(recount: &Recount, side: Side) -> Vec<Finding> {
    let (counter, there) = (recount.conversation.counters.of(side), recount.sides.of(side));
    let received = |(kept, counted)| Finding::Received { side, kept, counted };
    let read = |(kept, counted)| Finding::Read { side, kept, counted };
    let last_read = |(kept, counted)| Finding::LastRead { side, kept, counted };
    let receipt = |up_to_seq| Finding::Receipt { side, up_to_seq };
    let findings = [
        there.first_misplaced.map(|seq| Finding::Position { side, seq }),
        differ(counter.received, there.addressed).map(received),
        differ(counter.read, there.read).map(read),
        differ(counter.last_read, there.last_receipt).map(last_read),
        there.first_wrong_receipt.map(receipt),
    ];
    findings.into_iter().flatten().collect()
}

fn events(recount: &Recount) -> Vec<Finding> {
    let tail = recount.lane.and_then(|lane| lane.tail);
    let last = recount.unpublished.map(|unpublished| unpublished.last);
    // The opening is an event, and so is each message.
    let at_least = (recount.messages + 1)
        .max(last.unwrap_or(0))
        .max(tail.unwrap_or(0));
    let kept = recount.events;
    let counter = (kept < at_least).then_some(Finding::Events { kept, at_least });
    let of_lane = recount
        .unpublished
        .map(|unpublished| lane(recount.lane, unpublished));
    counter.into_iter().chain(of_lane.into_iter().flatten()).collect()
}

fn lane(lane: Option<LaneRecount>, Unpublished { first, last, count }: Unpublished) -> Vec<Finding> {
    let Some(LaneRecount { head, tail }) = lane else {
        return vec![Finding::LaneMissing { unpublished: count }];
    };
    let head = (first < head).then_some((head, first));
    let tail = tail.filter(|tail| *tail < last).map(|tail| (tail, last));
    let findings = [
        head.map(|(kept, counted)| Finding::LaneHead { kept, counted }),
        tail.map(|(kept, counted)| Finding::LaneTail { kept, counted }),
    ];
    findings.into_iter().flatten().collect()
}

fn differ<T: PartialEq>(kept: T, counted: T) -> Option<(T, T)> {
    (kept != counted).then_some((kept, counted))
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{
            conversation::Conversation,
            opening::PreparedOpen,
            side::PerSide,
            unread::{ReadMark, UnreadCounter},
        },
        id::{AgentId, ConversationId, UserId},
        store::SideRecount,
        time::Timestamp,
    };
    use Finding::*;
    use Side::{Agent, Client};

    /// Three messages of the client, of which the agent has read two, and one message of the agent between them. The
    /// last two events are unpublished; the first of them is a dead letter.
    pub(in crate::verify) fn sound() -> Recount {
        let mut conversation = Conversation::new(&PreparedOpen {
            id: ConversationId::new(Uuid::nil()),
            client_id: UserId::parse("client").unwrap(),
            agent_id: AgentId::parse("agency").unwrap(),
            agent_user_id: UserId::parse("agent").unwrap(),
            booking_id: None,
            now: at(0),
        });
        let last_read = Some(ReadMark {
            up_to_seq: 3,
            at: at(4),
        });
        conversation.last_seq = 4;
        conversation.activity_at = at(4);
        conversation.counters = PerSide {
            client: UnreadCounter {
                received: 1,
                read: 0,
                last_read: None,
            },
            agent: UnreadCounter {
                received: 3,
                read: 2,
                last_read,
            },
        };
        Recount {
            conversation,
            events: 6,
            messages: 4,
            last_seq: 4,
            newest_at: Some(at(4)),
            first_untimely: None,
            sides: PerSide {
                client: SideRecount {
                    addressed: 1,
                    ..SideRecount::default()
                },
                agent: SideRecount {
                    addressed: 3,
                    read: 2,
                    last_receipt: last_read,
                    ..SideRecount::default()
                },
            },
            unpublished: Some(Unpublished {
                first: 4,
                last: 6,
                count: 2,
            }),
            lane: Some(LaneRecount {
                head: 3,
                tail: Some(6),
            }),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// Checks the findings after `harm` to a sound recount.
    fn check(harm: impl FnOnce(&mut Recount), expected: &[Finding]) {
        let mut recount = sound();
        harm(&mut recount);
        let found: Vec<_> = compare(&recount).iter().map(|one| one.finding).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sound_conversation_has_no_discrepancy() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_conversation_without_messages_has_no_discrepancy() {
        let harm = |recount: &mut Recount| {
            let kept = &mut recount.conversation;
            (kept.last_seq, kept.activity_at, kept.counters) = (0, at(0), PerSide::default());
            (
                recount.events,
                recount.messages,
                recount.last_seq,
                recount.newest_at,
            ) = (1, 0, 0, None);
            (recount.sides, recount.unpublished, recount.lane) = (PerSide::default(), None, None);
        };
        check(harm, &[]);
    }

    #[test]
    fn messages_are_numbered_without_a_gap() {
        check(
            |recount| recount.conversation.last_seq = 5,
            &[LastSeq { kept: 5, counted: 4 }],
        );
        check(
            |recount| recount.messages = 3,
            &[Messages {
                last_seq: 4,
                counted: 3,
            }],
        );
    }

    #[test]
    fn activity_is_the_time_of_the_newest_message_or_of_the_opening() {
        check(
            |recount| recount.conversation.activity_at = at(5),
            &[Activity {
                kept: at(5),
                counted: at(4),
            }],
        );
        check(
            |recount| recount.newest_at = None,
            &[Activity {
                kept: at(4),
                counted: at(0),
            }],
        );
    }

    #[test]
    fn times_never_decrease() {
        check(|recount| recount.first_untimely = Some(2), &[Time { seq: 2 }]);
    }

    #[test]
    fn positions_and_counters_count_messages_addressed_to_a_side() {
        check(
            |recount| recount.sides.agent.first_misplaced = Some(3),
            &[Position { side: Agent, seq: 3 }],
        );
        check(
            |recount| recount.conversation.counters.client.received = 2,
            &[Received {
                side: Client,
                kept: 2,
                counted: 1,
            }],
        );
    }

    #[test]
    fn the_read_position_is_that_of_the_last_receipt() {
        check(
            |recount| recount.sides.agent.read = 3,
            &[Read {
                side: Agent,
                kept: 2,
                counted: 3,
            }],
        );
        let (kept, counted) = (sound().conversation.counters.agent.last_read, None);
        check(
            |recount| recount.sides.agent.last_receipt = None,
            &[LastRead {
                side: Agent,
                kept,
                counted,
            }],
        );
    }

    #[test]
    fn a_receipt_matches_its_message() {
        check(
            |recount| recount.sides.client.first_wrong_receipt = Some(9),
            &[Receipt {
                side: Client,
                up_to_seq: 9,
            }],
        );
    }

    #[test]
    fn no_event_exceeds_the_stored_number() {
        let at_least = 6;
        check(|recount| recount.events = 5, &[Events { kept: 5, at_least }]);
        let tail = |recount: &mut Recount| {
            recount.lane = Some(LaneRecount {
                head: 3,
                tail: Some(7),
            });
        };
        check(tail, &[Events { kept: 6, at_least: 7 }]);
        let published = |recount: &mut Recount| {
            (recount.unpublished, recount.lane, recount.events) = (None, None, 4);
        };
        check(published, &[Events { kept: 4, at_least: 5 }]);
    }

    #[test]
    fn unpublished_events_are_within_a_lane() {
        check(|recount| recount.lane = None, &[LaneMissing { unpublished: 2 }]);
        let lane = |head, tail| move |recount: &mut Recount| recount.lane = Some(LaneRecount { head, tail });
        check(lane(5, Some(6)), &[LaneHead { kept: 5, counted: 4 }]);
        check(lane(4, Some(5)), &[LaneTail { kept: 5, counted: 6 }]);
        check(lane(4, None), &[]);
    }

    #[test]
    fn a_lane_may_briefly_have_no_entries() {
        check(|recount| recount.unpublished = None, &[]);
    }
}
