use super::Messaging;
use crate::{
    actor::Actor,
    error::{Error, ErrorKind},
    event::{Channel, ChannelName, SocketId},
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
        let name = match self.0.names.parse(channel) {
            None => return Ok(Authorized::NotOurs),
            Some(Channel::User(user_id)) => {
                self.decide(actor, Action::SubscribeUser(&user_id), None, AUTHORISING)?;
                String::new()
            }
            Some(Channel::Conversation(id)) => {
                self.decide_on(actor, Action::Subscribe, id).await?;
                String::new()
            }
            Some(Channel::ConversationPresence(id)) => {
                self.decide_on(actor, Action::SubscribePresence, id).await?;
                let users = [actor.user_id().clone()].into();
                let query = ProfileQuery {
                    users,
                    ..ProfileQuery::default()
                };
                self.profiles(&query).await.user(actor.user_id()).name
            }
        };
        let subscription = Subscription {
            socket_id: socket_id.clone(),
            channel: channel.clone(),
            member: Member {
                user_id: actor.user_id().clone(),
                name,
            },
        };
        match self.0.realtime.sign(&subscription) {
            Ok(auth) => Ok(Authorized::Signed(auth)),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a subscription could not be signed");
                Err(Error::new(ErrorKind::Forbidden { message: None }, AUTHORISING))
            }
        }
    }

    async fn decide_on(
        &self,
        actor: &Actor,
        action: Action<'_>,
        id: crate::id::ConversationId,
    ) -> Result<(), Error> {
        let conversation = self.store().find_conversation(id).await;
        let conversation = conversation.map_err(|error| Error::store(error, AUTHORISING))?;
        self.decide(actor, action, conversation.as_ref(), AUTHORISING)
            .map(drop)
    }
}
