use tracing::instrument;

use super::{Operations, open::OPENING};
use crate::{
    actor::Actor,
    error::Error,
    id::{ConversationId, MessageId},
    policy::Action,
    use_case::{
        Messaging,
        participant::{OpenConversation, OpenedConversation, ReadState, SendMessage, Sent},
        rulings::by_our_rules,
    },
};

/// What the host does on behalf of a person, outside that person's rate limits: [`Operations::on_behalf_of`].
///
/// A block, a closed conversation and the host's policy hold as for the person.
#[derive(Debug, Clone, Copy)]
pub struct OnBehalf<'a> {
    messaging: &'a Messaging,
    actor: &'a Actor,
}

impl<'a> Operations<'a> {
    /// What the host does on behalf of this person: a nightly job that writes for many agents, for example.
    pub const fn on_behalf_of(self, actor: &'a Actor) -> OnBehalf<'a> {
        OnBehalf {
            messaging: self.messaging,
            actor,
        }
    }
}

impl OnBehalf<'_> {
    /// Opens the one conversation between the person and an agent, or finds it.
    ///
    /// # Errors
    /// As [`Messaging::open_conversation`], but for a rate limit.
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), agent_id = %open.agent_id))]
    pub async fn open_conversation(self, open: &OpenConversation) -> Result<OpenedConversation, Error> {
        by_our_rules(self.actor, Action::Open { agent_user_id: None }, None, OPENING)?;
        self.messaging.open_unlimited(self.actor, open).await
    }

    /// Sends a message. With a key the call is repeatable: a repeat gets the message of the first call.
    ///
    /// # Errors
    /// As [`Messaging::send_message`], but for a rate limit.
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), conversation_id = %send.conversation_id))]
    pub async fn send_message(self, send: &SendMessage) -> Result<Sent, Error> {
        self.messaging.send_unlimited(self.actor, send).await
    }

    /// Marks everything up to a message as read by the person's side.
    ///
    /// # Errors
    /// As [`Messaging::mark_read`].
    pub async fn mark_read(
        self,
        conversation_id: ConversationId,
        up_to: MessageId,
    ) -> Result<ReadState, Error> {
        self.messaging.mark_read(self.actor, conversation_id, up_to).await
    }
}
