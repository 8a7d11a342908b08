use std::sync::atomic::{AtomicBool, Ordering};

use tracing::instrument;

use super::{Messaging, attempt::attempt, found, unless_lost};
use crate::{
    actor::Actor,
    domain::{
        conversation::{Change, Conversation},
        side::Side,
    },
    error::{Error, ErrorKind},
    event::Channel,
    host::directory::Profiles,
    id::{AgentId, ConversationId, UserId},
    policy::{Action, Standing},
    store::{AuditedAction, ChangeState, Changed},
};

const CHANGING: &str = "changing a conversation";
const REASSIGNING: &str = "reassigning an agent's conversations";

/// How many conversations are looked up at a time when an agent is reassigned.
const CHUNK: usize = 100;

/// What became of an agent's conversations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reassigned {
    /// How many moved to the new user.
    pub moved: usize,
    /// Those that stay with their old user, because the new one is their client.
    pub refused: Vec<ConversationId>,
}

impl Messaging {
    /// Refuses the other side's messages and typing from now on: once this has answered, none is accepted. What was
    /// written stays readable. The other side gets no presence of this one. Blocking twice changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden) for an admin who takes no
    /// part, and where the host's policy refuses; [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn block(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        let (conversation, side) = self
            .change_own_side(actor, id, Action::Block, Change::Block)
            .await?;
        let presence = self.0.names.name(&Channel::ConversationPresence(id));
        self.unsubscribe(conversation.user(side.other()), &presence).await;
        Ok(())
    }

    /// Accepts the other side's messages again.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn unblock(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        self.change_own_side(actor, id, Action::Unblock, Change::Unblock)
            .await?;
        Ok(())
    }

    /// Stops both sides from writing. Audited.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) unless the actor is an admin who takes no part;
    /// [`NotFound`](ErrorKind::NotFound); [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn close(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        self.change_as_admin(actor, id, Action::Close, AuditedAction::Close, Change::Close)
            .await
    }

    /// Lets people write again. Audited.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn reopen(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        self.change_as_admin(actor, id, Action::Reopen, AuditedAction::Reopen, Change::Reopen)
            .await
    }

    /// Moves an agent's conversations to another user, in chunks; read positions stay. A call for the
    /// host, which decides who may make it. The former user's subscriptions end, in every process, before anything later
    /// of a conversation is published. What an interrupted call has moved stays moved; repeating it
    /// moves the rest.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable), [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(%agent_id))]
    pub async fn reassign_agent(&self, agent_id: &AgentId, to: &UserId) -> Result<Reassigned, Error> {
        let mut result = Reassigned::default();
        let mut after = None;
        loop {
            let chunk = self
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
    async fn reassign(&self, conversation: Conversation, to: &UserId) -> Result<bool, Error> {
        let id = conversation.id;
        let mut listed = Some(conversation);
        let moved = attempt(REASSIGNING, || {
            let listed = listed.take();
            async move {
                let conversation = match listed {
                    Some(listed) => listed,
                    None => found(self.stored(id, REASSIGNING).await?, REASSIGNING)?,
                };
                if conversation.agent_user_id == *to {
                    return Ok(Some(false));
                }
                let change = Change::Reassign(to.clone());
                let is_changed = self.try_change(&conversation, &change).await?;
                Ok(is_changed.then_some(true))
            }
        });
        moved.await
    }

    async fn change_own_side(
        &self,
        actor: &Actor,
        id: ConversationId,
        action: Action<'_>,
        change: fn(Side) -> Change,
    ) -> Result<(Conversation, Side), Error> {
        let changed = attempt(CHANGING, || async {
            let conversation = self.stored(id, CHANGING).await?;
            let standing = self
                .decide(actor, action, conversation.as_ref(), CHANGING)
                .await?;
            let (Some(side), Some(conversation)) = (standing.side(), conversation) else {
                return Err(Error::new(ErrorKind::Internal, CHANGING));
            };
            let is_changed = self.try_change(&conversation, &change(side)).await?;
            Ok(is_changed.then_some((conversation, side)))
        });
        changed.await
    }

    async fn change_as_admin(
        &self,
        actor: &Actor,
        id: ConversationId,
        action: Action<'_>,
        audited: AuditedAction,
        change: Change,
    ) -> Result<(), Error> {
        // One record, however often it is decided anew.
        let recorded = AtomicBool::new(false);
        let changed = attempt(CHANGING, || async {
            let conversation = self.stored(id, CHANGING).await?;
            let standing = self
                .decide(actor, action, conversation.as_ref(), CHANGING)
                .await?;
            let conversation = found(conversation, CHANGING)?;
            if standing == Standing::Audited && !recorded.load(Ordering::Relaxed) {
                self.audit(actor, audited, Some(id)).await?;
                recorded.store(true, Ordering::Relaxed);
            }
            let is_changed = self.try_change(&conversation, &change).await?;
            Ok(is_changed.then_some(()))
        });
        changed.await
    }

    /// Applies a change that was decided on `conversation`; `false` when that has changed since.
    pub(super) async fn try_change(
        &self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<bool, Error> {
        let changed = self.apply_change(conversation, change).await?;
        Ok(matches!(changed, Some(Changed::Done { .. } | Changed::AlreadySo)))
    }

    /// The same, with what it did; `None` where the store asks to decide anew.
    pub(super) async fn apply_change(
        &self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<Option<Changed>, Error> {
        let step = ChangeState::new(conversation, change.clone(), self.now(), self.publisher());
        let changed = unless_lost(self.store().change_state(&step).await, CHANGING)?;
        if let Some(Changed::Done { lane }) = &changed {
            self.hand_over(lane.clone(), None, Profiles::default());
        }
        Ok(changed)
    }
}
