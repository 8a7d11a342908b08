use std::fmt;

use crate::{
    domain::{side::Side, unread::ReadMark},
    id::ConversationId,
    time::Timestamp,
};

/// A stored value that differs from its recount. Displayed as a sentence for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discrepancy {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The stored and the counted value.
    pub finding: Finding,
}

/// The kind of a discrepancy, with the stored (`kept`) and the counted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The stored seq of the newest message is not the largest seq.
    LastSeq {
        /// The stored seq.
        kept: u64,
        /// The largest seq.
        counted: u64,
    },
    /// The number of messages is not the largest seq.
    Messages {
        /// The largest seq.
        last_seq: u64,
        /// The number of messages.
        counted: u64,
    },
    /// The stored activity is not the time of the newest message, or of opening.
    Activity {
        /// The stored activity.
        kept: Timestamp,
        /// The time of the newest message, or of opening.
        counted: Timestamp,
    },
    /// A message is older than the message before it.
    Time {
        /// The first such message.
        seq: u64,
    },
    /// A message's position for a side is not the number of messages addressed to the side up to it.
    Position {
        /// The side.
        side: Side,
        /// The first such message.
        seq: u64,
    },
    /// A side's number of received messages is not the number of messages addressed to it, so its unread count is
    /// wrong.
    Received {
        /// The side.
        side: Side,
        /// The stored number.
        kept: u64,
        /// The number of messages addressed to the side.
        counted: u64,
    },
    /// A side's number of read messages is not the number of messages addressed to it up to its last receipt, so its
    /// unread count is wrong.
    Read {
        /// The side.
        side: Side,
        /// The stored number.
        kept: u64,
        /// The number of messages addressed to the side that its receipts cover.
        counted: u64,
    },
    /// A side's stored read position is not that of its last receipt.
    LastRead {
        /// The side.
        side: Side,
        /// The stored read position.
        kept: Option<ReadMark>,
        /// The last receipt.
        counted: Option<ReadMark>,
    },
    /// A receipt names no existing message, or is older than its message or than the receipt before it.
    Receipt {
        /// The side of the receipt.
        side: Side,
        /// The seq of the first such receipt.
        up_to_seq: u64,
    },
    /// The stored number of the newest event is smaller than the number of events.
    Events {
        /// The stored number.
        kept: u64,
        /// The minimum number of events.
        at_least: u64,
    },
    /// The conversation has unpublished events and no lane: no worker will publish them.
    LaneMissing {
        /// The number of unpublished events.
        unpublished: u64,
    },
    /// An unpublished event precedes the head of its lane: no worker will publish it.
    LaneHead {
        /// The head.
        kept: u64,
        /// The first unpublished event.
        counted: u64,
    },
    /// An unpublished event follows the tail of its lane.
    LaneTail {
        /// The tail.
        kept: u64,
        /// The last unpublished event.
        counted: u64,
    },
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conversation {}: {}", self.conversation_id, self.finding)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LastSeq { kept, counted } => {
                write!(
                    f,
                    "the newest message is recorded as number {kept}, but is number {counted}"
                )
            }
            Self::Messages { last_seq, counted } => {
                write!(
                    f,
                    "the newest message is number {last_seq}, but there are {counted} messages"
                )
            }
            Self::Activity { kept, counted } => {
                write!(f, "the last activity is recorded as {kept}, but is {counted}")
            }
            Self::Time { seq } => write!(f, "message {seq} is older than the message before it"),
            Self::Position { side, seq } => {
                let side = name(side);
                write!(
                    f,
                    "message {seq} has a wrong position among the {side}'s received messages"
                )
            }
            Self::Received { side, kept, counted } => {
                let side = name(side);
                write!(
                    f,
                    "the {side} is recorded as having received {kept} messages, but has received {counted}"
                )
            }
            Self::Read { side, kept, counted } => {
                let side = name(side);
                write!(
                    f,
                    "the {side} is recorded as having read {kept} messages, but has read {counted}"
                )
            }
            Self::LastRead { side, kept, counted } => {
                let (side, kept, counted) = (name(side), Mark(kept), Mark(counted));
                write!(
                    f,
                    "the {side} is recorded as having read {kept}, but has read {counted}"
                )
            }
            Self::Receipt { side, up_to_seq } => {
                let side = name(side);
                write!(
                    f,
                    "the {side}'s receipt of message {up_to_seq} does not match the message"
                )
            }
            Self::Events { kept, at_least } => {
                write!(
                    f,
                    "the newest event is recorded as number {kept}, but there were at least {at_least} events"
                )
            }
            Self::LaneMissing { unpublished } => {
                write!(f, "{unpublished} events are unpublished, but there is no lane")
            }
            Self::LaneHead { kept, counted } => {
                write!(
                    f,
                    "its lane begins at event {kept}, but event {counted} is unpublished"
                )
            }
            Self::LaneTail { kept, counted } => {
                write!(
                    f,
                    "its lane ends at event {kept}, but event {counted} is unpublished"
                )
            }
        }
    }
}

struct Mark(Option<ReadMark>);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ReadMark { up_to_seq, at }) => write!(f, "up to message {up_to_seq} at {at}"),
            None => f.write_str("nothing"),
        }
    }
}

const fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Agent => "agent",
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_discrepancy_is_a_sentence() {
        let check = |finding, sentence: &str| {
            let conversation_id = ConversationId::new(Uuid::nil());
            let discrepancy = Discrepancy {
                conversation_id,
                finding,
            };
            assert_eq!(
                discrepancy.to_string(),
                format!("conversation {conversation_id}: {sentence}")
            );
        };
        let (side, kept, counted) = (Side::Agent, 7, 6);
        check(
            Finding::Received { side, kept, counted },
            "the agent is recorded as having received 7 messages, but has received 6",
        );
        let at = Timestamp::EPOCH;
        check(
            Finding::LastRead {
                side,
                kept: Some(ReadMark { up_to_seq: 7, at }),
                counted: None,
            },
            "the agent is recorded as having read up to message 7 at 1970-01-01T00:00:00.000Z, but has read nothing",
        );
        check(
            Finding::LaneHead { kept, counted },
            "its lane begins at event 7, but event 6 is unpublished",
        );
    }
}
