use crate::{actor::Actor, error::Error, id::UserId, policy::Refusal, use_case::Messaging};

impl Messaging {
    /// Whether a [push service](crate::MessagingBuilder::push) is configured.
    pub fn has_push(&self) -> bool {
        self.0.push.is_some()
    }

    /// What a device of the actor's shows to the push service to get notifications for this user: for
    /// themselves only.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for another user;
    /// [`NotFound`](crate::ErrorKind::NotFound) where push is off.
    pub fn push_token(&self, actor: &Actor, user_id: &UserId) -> Result<String, Error> {
        const DOING: &str = "making a token for notifications";
        let push = self.0.push.as_ref();
        let push = push.ok_or_else(|| Error::refused(Refusal::NotFound, DOING))?;
        if actor.user_id() != user_id {
            return Err(Error::refused(Refusal::Forbidden, DOING));
        }
        Ok(push.user_token(user_id, self.now()))
    }
}
