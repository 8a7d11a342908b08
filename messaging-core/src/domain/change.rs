//! Changes of a conversation: who takes part, and who may write.
//!
//! Every change raises the access version, so that no step that was decided before it takes effect after it.

use super::{
    conversation::Conversation,
    erasure::erased_user,
    side::{PerSide, Side},
};
use crate::id::{BookingId, UserId};

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
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{
            body::Body,
            conversation::Status,
            message::{NewMessage, Origin},
        },
        id::{AgentId, ConversationId, MessageId},
        time::Timestamp,
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
        let origin = Origin::user(Side::Client, conversation.client_id.clone());
        let (id, body) = (MessageId::new(Uuid::from_u128(1)), Body::parse("hello").unwrap());
        conversation.append(&NewMessage::new(id, origin, body, Timestamp::from_millis(2_000)));
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
}
