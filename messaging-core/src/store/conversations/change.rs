//! Changing who takes part and who may write.

use crate::{
    domain::{
        change::{AccessState, Change},
        conversation::Conversation,
        side::Side,
    },
    id::{ConversationId, UserId},
    store::{CommittedEntry, Publisher},
    time::Timestamp,
};

/// A step that changes a conversation.
///
/// If the access version matches, a store writes [`after`](Self::after) and raises the version, as
/// [`Conversation::set_access`] does. It needs [`change`](Self::change) only for [`Change::Unlink`], which removes a
/// link and raises the version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeState {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The access version that the step was decided on.
    pub access_version: u32,
    /// The change.
    pub change: Change,
    /// The access state after the change. If it equals the current state and no booking is unlinked, the result is
    /// [`AlreadySo`](Changed::AlreadySo).
    pub after: AccessState,
    /// The side whose [`due_at`](crate::domain::digest::DigestMark::due_at) becomes `None`.
    pub not_due: Option<Side>,
    /// The user whose access the change ends. Stored with the entry until it is published:
    /// [`LoadedEntry::lost_access`](crate::store::LoadedEntry::lost_access).
    pub lost_access: Option<UserId>,
    /// The time of the change.
    pub now: Timestamp,
    /// The owner of the lane, if the step creates one.
    pub publisher: Publisher,
}

impl ChangeState {
    /// Creates the step of a change that was decided on this conversation.
    pub fn new(on: &Conversation, change: Change, now: Timestamp, publisher: Publisher) -> Self {
        let mut changed = on.clone();
        changed.apply(&change);
        Self {
            conversation_id: on.id,
            access_version: on.access_version,
            after: changed.access_state(),
            not_due: match &change {
                Change::Erase(side) => Some(*side),
                _ => None,
            },
            lost_access: on.loses_access(&change).cloned(),
            change,
            now,
            publisher,
        }
    }
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// The change was made, with this entry.
    Done(CommittedEntry),
    /// Nothing was written: the access state already equals [`after`](ChangeState::after), or the booking to unlink is not
    /// linked.
    AlreadySo,
    /// The access version has changed, or the conversation does not exist.
    Conflict,
}
