use std::fmt;

use crate::{
    domain::{conversation::ReadMark, side::Side},
    id::ConversationId,
    time::Timestamp,
};

/// Something that a store keeps and that is not what there is. Displayed as a sentence for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discrepancy {
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// What it is.
    pub finding: Finding,
}

/// What does not add up: what is kept, and what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The seq kept of the newest message is not the largest there is.
    LastSeq {
        /// As kept with the conversation.
        kept: u64,
        /// The largest there is.
        counted: u64,
    },
    /// There are not as many messages as seqs.
    Messages {
        /// The largest seq.
        last_seq: u64,
        /// How many messages there are.
        counted: u64,
    },
    /// The conversation's activity is not the time of its newest message, or of its opening.
    Activity {
        /// As kept with the conversation.
        kept: Timestamp,
        /// The time of its newest message, or of its opening.
        counted: Timestamp,
    },
    /// A message is older than what stands before it.
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
    /// A side's received messages is not the number of messages addressed to it; so its unread count is wrong.
    Received {
        /// The side.
        side: Side,
        /// As kept with the conversation.
        kept: u64,
        /// How many messages are addressed to the side.
        counted: u64,
    },
    /// A side's read position is not the number of messages addressed to it up to its last receipt; so its
    /// unread count is wrong.
    Read {
        /// The side.
        side: Side,
        /// As kept with the conversation.
        kept: u64,
        /// How many messages addressed to the side its receipts cover.
        counted: u64,
    },
    /// Where a side's reading stands is not where its last receipt says.
    LastRead {
        /// The side.
        side: Side,
        /// As kept with the conversation.
        kept: Option<ReadMark>,
        /// The last receipt.
        counted: Option<ReadMark>,
    },
    /// A receipt fits no message, or is older than what it is about.
    Receipt {
        /// Whose.
        side: Side,
        /// The first such receipt.
        up_to_seq: u64,
    },
    /// The number kept of the newest event is smaller than there were events.
    Events {
        /// As kept with the conversation.
        kept: u64,
        /// How many there were at least.
        at_least: u64,
    },
    /// Events wait to be published, and no lane exists: no worker will publish them.
    LaneMissing {
        /// How many events.
        unpublished: u64,
    },
    /// An event waits before the head of its lane: no worker will publish it.
    LaneHead {
        /// The head.
        kept: u64,
        /// The first event that waits.
        counted: u64,
    },
    /// An event waits behind the tail of its lane.
    LaneTail {
        /// The tail.
        kept: u64,
        /// The last event that waits.
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
                    "the newest message is said to be number {kept}, and is number {counted}"
                )
            }
            Self::Messages { last_seq, counted } => {
                write!(
                    f,
                    "the newest message is number {last_seq}, and there are {counted}"
                )
            }
            Self::Activity { kept, counted } => {
                write!(
                    f,
                    "the last activity is said to be of {kept}, and is of {counted}"
                )
            }
            Self::Time { seq } => write!(f, "message {seq} is older than what stands before it"),
            Self::Position { side, seq } => {
                let side = name(side);
                write!(
                    f,
                    "message {seq} has another place in the {side}'s received messages than it says"
                )
            }
            Self::Received { side, kept, counted } => {
                let side = name(side);
                write!(
                    f,
                    "the {side} is said to have received {kept} messages, and has received {counted}"
                )
            }
            Self::Read { side, kept, counted } => {
                let side = name(side);
                write!(
                    f,
                    "the {side} is said to have read {kept} messages, and has read {counted}"
                )
            }
            Self::LastRead { side, kept, counted } => {
                let (side, kept, counted) = (name(side), Mark(kept), Mark(counted));
                write!(
                    f,
                    "the {side} is said to have read {kept}, and has read {counted}"
                )
            }
            Self::Receipt { side, up_to_seq } => {
                let side = name(side);
                write!(f, "the {side}'s receipt of message {up_to_seq} does not fit it")
            }
            Self::Events { kept, at_least } => {
                write!(
                    f,
                    "the newest event is said to be number {kept}, and there were at least {at_least}"
                )
            }
            Self::LaneMissing { unpublished } => {
                write!(
                    f,
                    "{unpublished} events wait to be published, and no lane says so"
                )
            }
            Self::LaneHead { kept, counted } => {
                write!(
                    f,
                    "its lane begins at event {kept}, and event {counted} waits to be published"
                )
            }
            Self::LaneTail { kept, counted } => {
                write!(
                    f,
                    "its lane ends at event {kept}, and event {counted} waits to be published"
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
            "the agent is said to have received 7 messages, and has received 6",
        );
        let at = Timestamp::EPOCH;
        check(
            Finding::LastRead {
                side,
                kept: Some(ReadMark { up_to_seq: 7, at }),
                counted: None,
            },
            "the agent is said to have read up to message 7 at 1970-01-01T00:00:00.000Z, and has read nothing",
        );
        check(
            Finding::LaneHead { kept, counted },
            "its lane begins at event 7, and event 6 waits to be published",
        );
    }
}
