use tracing::instrument;

use crate::{
    actor::Actor,
    clock,
    error::Error,
    event::{self, SocketId, Typing},
    host::rate_limit::Limited,
    id::ConversationId,
    policy::Action,
    use_case::{Messaging, found},
};

const TYPING: &str = "showing that someone types";

impl Messaging {
    /// Shows the other side that the actor types, or stopped. Best effort: what the realtime server does
    /// not take is lost, and while it is known to be gone it is not asked. `except` is the actor's own connection, which need not hear of it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Forbidden`](crate::ErrorKind::Forbidden) for an admin
    /// who takes no part, and where the host's policy refuses; [`Blocked`](crate::ErrorKind::Blocked) and
    /// [`Closed`](crate::ErrorKind::Closed) wherever a send is refused;
    /// [`RateLimited`](crate::ErrorKind::RateLimited); [`Unavailable`](crate::ErrorKind::Unavailable) when the store is,
    /// or the host's policy does not answer.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), %conversation_id))]
    pub async fn set_typing(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        typing: Typing,
        except: Option<SocketId>,
    ) -> Result<(), Error> {
        self.admit(actor, Limited::Typing, TYPING).await?;
        let conversation = self.stored(conversation_id, TYPING).await?;
        self.decide(actor, Action::Typing, conversation.as_ref(), TYPING)
            .await?;
        let conversation = found(conversation, TYPING)?;
        if !self.0.relay.accepts_calls(self.now()) {
            return Ok(());
        }
        let event = event::typing(&conversation, actor.user_id(), typing, &self.0.names, except);
        let publish = self.0.realtime.publish(std::slice::from_ref(&event));
        match clock::timeout(&*self.0.clock, self.0.relay.call_timeout(), publish).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(%conversation_id, error, "typing was not shown");
            }
            Err(clock::Elapsed) => tracing::debug!(%conversation_id, "typing was not shown in time"),
        }
        Ok(())
    }
}
