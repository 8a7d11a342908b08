use super::Messaging;
use crate::{
    actor::Actor,
    error::{Error, ErrorKind},
    event::{Channel, ChannelName, SocketId},
    id::ConversationId,
    policy::Action,
    port::{
        channels::{ChannelAuth, Member, Subscription},
        directory::ProfileQuery,
    },
};

const AUTHORISING: &str = "authorising a subscription";

/// Whether a subscription was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorized {
    /// It was: what the client shows to the realtime server.
    Signed(ChannelAuth),
    /// The channel has another form than ours: the host's own endpoint may decide.
    NotOurs,
}

impl Messaging {
    /// Signs an actor's subscription to a channel, if it is theirs.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden), alike for a conversation of others and for one that does not
    /// exist; [`Unavailable`](ErrorKind::Unavailable).
    pub async fn authorize(
        &self,
        actor: &Actor,
        socket_id: &SocketId,
        channel: &ChannelName,
    ) -> Result<Authorized, Error> {
        let Some(ours) = self.0.names.parse(channel) else {
            return Ok(Authorized::NotOurs);
        };
        let name = match &ours {
            Channel::ConversationPresence(_) => self.own_name(actor).await,
            Channel::Conversation(_) | Channel::User(_) => String::new(),
        };
        let subscription = Subscription {
            socket_id: socket_id.clone(),
            channel: channel.clone(),
            member: Member {
                user_id: actor.user_id().clone(),
                name,
            },
        };
        // Signed before it is decided, and handed out after: a revocation in between is then either seen by
        // the decision or ends what was signed.
        let signed = self.0.realtime.sign(&subscription);
        match &ours {
            Channel::Conversation(id) => self.decide_on(actor, Action::Subscribe, *id).await?,
            Channel::ConversationPresence(id) => {
                self.decide_on(actor, Action::SubscribePresence, *id).await?;
            }
            Channel::User(user_id) => {
                self.decide(actor, Action::SubscribeUser(user_id), None, AUTHORISING)?;
            }
        }
        signed.map(Authorized::Signed).map_err(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a subscription could not be signed");
            Error::new(ErrorKind::Forbidden { message: None }, AUTHORISING)
        })
    }

    async fn own_name(&self, actor: &Actor) -> String {
        let users = [actor.user_id().clone()].into();
        let query = ProfileQuery {
            users,
            ..ProfileQuery::default()
        };
        self.profiles(&query).await.user(actor.user_id()).name
    }

    async fn decide_on(&self, actor: &Actor, action: Action<'_>, id: ConversationId) -> Result<(), Error> {
        let conversation = self.store().find_conversation(id).await;
        let conversation = conversation.map_err(|error| Error::store(error, AUTHORISING))?;
        self.decide(actor, action, conversation.as_ref(), AUTHORISING)
            .map(drop)
    }
}
