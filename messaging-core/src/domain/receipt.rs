//! Read receipts, and the `readAt` of a message.

use crate::{
    domain::{
        message::{Message, Origin},
        side::{PerSide, Recipients, Side},
    },
    time::Timestamp,
    with::with,
};

/// A read receipt: a side has read up to a message. Receipts are only added, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The side that read.
    pub side: Side,
    /// The seq of the last message read; greater than in the side's previous receipt.
    pub up_to_seq: u64,
    /// The time of reading; never less than in the side's previous receipt.
    pub read_at: Timestamp,
}

impl Receipt {
    /// A receipt.
    pub fn new(side: Side, up_to_seq: u64, read_at: Timestamp) -> Self {
        Self {
            side,
            up_to_seq,
            read_at,
        }
    }
}

/// When a side first read a message: the time of its first receipt, in order, that covers the message.
pub fn first_covering(receipts: &[Receipt], side: Side, seq: u64) -> Option<Timestamp> {
    receipts
        .iter()
        .find(|r| r.side == side && r.up_to_seq >= seq)
        .map(|r| r.read_at)
}

/// A message, and when each side first read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageRow {
    /// The message.
    pub message: Message,
    /// For each side, the time of its first receipt that covers the message.
    pub read: PerSide<Option<Timestamp>>,
}

impl MessageRow {
    with! {
        with_read read: PerSide<Option<Timestamp>>,
    }
}

impl MessageRow {
    /// A message without receipts.
    pub fn unread(message: Message) -> Self {
        Self {
            message,
            read: PerSide::default(),
        }
    }

    /// The `readAt` that a viewer sees: when the addressed side read the message. For a message to both sides it is the
    /// value of the viewer's side, and `None` for a viewer without a side.
    pub fn read_at(&self, viewer: Option<Side>) -> Option<Timestamp> {
        let side = match &self.message.origin {
            Origin::User { side, .. } => Some(side.other()),
            Origin::System {
                to: Recipients::Side(side),
            } => Some(*side),
            Origin::System { to: Recipients::Both } => viewer,
        };
        side.and_then(|side| *self.read.of(side))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::body::Body,
        id::{ConversationId, MessageId, UserId},
    };

    fn row(origin: Origin) -> MessageRow {
        MessageRow {
            message: Message {
                id: MessageId::new(Uuid::nil()),
                conversation_id: ConversationId::new(Uuid::nil()),
                seq: 1,
                origin,
                body: Body::parse("hello").unwrap(),
                extras: None,
                idempotency_key: None,
                created_at: Timestamp::EPOCH,
                positions: PerSide::default(),
            },
            read: PerSide {
                client: Some(Timestamp::from_millis(1)),
                agent: Some(Timestamp::from_millis(2)),
            },
        }
    }

    #[test]
    fn read_at_is_that_of_the_addressed_side_for_every_viewer() {
        let user_id = UserId::parse("u").unwrap();
        for viewer in [None, Some(Side::Client), Some(Side::Agent)] {
            let check = |origin, millis| {
                assert_eq!(
                    row(origin).read_at(viewer),
                    Some(Timestamp::from_millis(millis)),
                    "{viewer:?}"
                );
            };
            check(Origin::user(Side::Agent, user_id.clone()), 1);
            check(Origin::user(Side::Client, user_id.clone()), 2);
            check(Origin::system(Recipients::Side(Side::Client)), 1);
            check(Origin::system(Recipients::Side(Side::Agent)), 2);
        }
    }

    #[test]
    fn read_at_of_a_message_to_both_is_the_viewers_own() {
        let row = row(Origin::system(Recipients::Both));
        assert_eq!(row.read_at(Some(Side::Client)), Some(Timestamp::from_millis(1)));
        assert_eq!(row.read_at(Some(Side::Agent)), Some(Timestamp::from_millis(2)));
        assert_eq!(row.read_at(None), None);
    }
}
