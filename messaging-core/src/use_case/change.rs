//! Changing the state of a conversation: the step that blocking, closing, reassigning, erasing and unlinking share.

use super::{Messaging, unless_lost};
use crate::{
    domain::{change::Change, conversation::Conversation},
    error::Error,
    store::{ChangeState, Changed},
};

pub(super) const CHANGING: &str = "changing a conversation";

impl Messaging {
    /// Applies a change that was decided on `conversation`; `false` when that has changed since.
    pub(super) async fn try_change(
        &self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<bool, Error> {
        let changed = self.apply_change(conversation, change).await?;
        Ok(matches!(changed, Some(Changed::Done(_) | Changed::AlreadySo)))
    }

    /// The same, with what it did; `None` where the store asks to decide anew.
    pub(super) async fn apply_change(
        &self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<Option<Changed>, Error> {
        let step = ChangeState::new(conversation, change.clone(), self.now(), self.publisher());
        let changed = unless_lost(self.store().change_state(&step).await, CHANGING)?;
        if let Some(Changed::Done(entry)) = &changed {
            self.hand_over(entry.lane.clone());
        }
        Ok(changed)
    }
}
