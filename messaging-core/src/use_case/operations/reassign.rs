use tracing::instrument;

use super::Operations;
use crate::{
    domain::{change::Change, conversation::Conversation},
    error::Error,
    id::{AgentId, ConversationId, UserId},
    use_case::{attempt::attempt, found},
};

const REASSIGNING: &str = "reassigning an agent's conversations";

/// How many conversations are looked up at a time when an agent is reassigned.
const CHUNK: usize = 100;

/// What became of an agent's conversations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reassigned {
    /// How many moved to the new user.
    pub moved: usize,
    /// Those that stay with their old user, because the new one is their client.
    pub refused: Vec<ConversationId>,
}

impl Operations<'_> {
    /// Moves an agent's conversations to another user, in chunks; read positions stay. A call for the
    /// host, which decides who may make it. The former user's subscriptions end, in every process, before anything later
    /// of a conversation is published. What an interrupted call has moved stays moved; repeating it
    /// moves the rest.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(%agent_id))]
    pub async fn reassign_agent(self, agent_id: &AgentId, to: &UserId) -> Result<Reassigned, Error> {
        let mut result = Reassigned::default();
        let mut after = None;
        loop {
            let chunk = self
                .messaging
                .store()
                .list_agent_conversations(agent_id, after, CHUNK)
                .await;
            let chunk = chunk.map_err(|error| Error::store(error, REASSIGNING))?;
            let Some(last) = chunk.last() else {
                return Ok(result);
            };
            after = Some(last.id);
            for conversation in chunk {
                if conversation.client_id == *to {
                    result.refused.push(conversation.id);
                } else if self.reassign(conversation, to).await? {
                    result.moved += 1;
                }
            }
        }
    }

    /// Moves one conversation; `false` when it has been moved already.
    async fn reassign(self, conversation: Conversation, to: &UserId) -> Result<bool, Error> {
        let id = conversation.id;
        let mut listed = Some(conversation);
        let moved = attempt(REASSIGNING, || {
            let listed = listed.take();
            async move {
                let conversation = match listed {
                    Some(listed) => listed,
                    None => found(self.messaging.stored(id, REASSIGNING).await?, REASSIGNING)?,
                };
                if conversation.agent_user_id == *to {
                    return Ok(Some(false));
                }
                let change = Change::Reassign(to.clone());
                let is_changed = self.messaging.try_change(&conversation, &change).await?;
                Ok(is_changed.then_some(true))
            }
        });
        moved.await
    }
}
