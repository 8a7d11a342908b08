use tracing::instrument;

use crate::{
    actor::Actor,
    clock,
    error::{Error, ErrorKind},
    event::{Channel, ChannelName, SocketId},
    host::directory::ProfileQuery,
    id::UserId,
    policy::{Action, Refusal},
    transport::TransportError,
    transport::channels::{ChannelAuth, Member, Subscription, UserAuth},
    transport::realtime::RevokeScope,
    use_case::Messaging,
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
    /// Signs an actor's subscription to a channel, if it is theirs. It is the name as it came that is signed: a UUID in it
    /// may be in either case.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden), alike for a conversation of others and for one that does not
    /// exist; [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), %channel))]
    pub async fn authorize(
        &self,
        actor: &Actor,
        socket_id: &SocketId,
        channel: &ChannelName,
    ) -> Result<Authorized, Error> {
        let names = &self.0.names;
        let Some(ours) = names.parse(channel) else {
            return Ok(Authorized::NotOurs);
        };
        // Whose channel it is, is compared and never read from it: of a long id only a digest is there.
        let own = Channel::User(actor.user_id().clone());
        let ours = if names.name(&own) == *channel { own } else { ours };
        self.decide_on(actor, &ours).await?;
        let name = match &ours {
            Channel::ConversationPresence(_) => self.own_name(actor).await,
            Channel::Conversation(_) | Channel::User(_) | Channel::LongUser(_) => String::new(),
        };
        let subscription = Subscription {
            socket_id: socket_id.clone(),
            channel: channel.clone(),
            member: Member {
                user_id: actor.user_id().clone(),
                name,
            },
        };
        let signed = self.0.realtime.sign(&subscription).map_err(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a subscription could not be signed");
            Error::new(ErrorKind::Forbidden { message: None }, AUTHORISING)
        })?;
        // Access may have ended since it was decided, and the subscriptions of the user with it: what was
        // signed after that must not outlive it.
        if let Err(refused) = self.decide_on(actor, &ours).await {
            let keeps_access = match &ours {
                Channel::ConversationPresence(id) => {
                    self.decide_on(actor, &Channel::Conversation(*id)).await.is_ok()
                }
                Channel::Conversation(_) | Channel::User(_) | Channel::LongUser(_) => false,
            };
            if keeps_access {
                self.unsubscribe(actor.user_id(), channel).await;
            } else if self.0.realtime.revoke_scope() == RevokeScope::Subscription {
                // Elsewhere the signature is all that there is, and it is not handed out.
                self.revoke(actor.user_id(), channel).await;
            }
            return Err(refused);
        }
        Ok(Authorized::Signed(signed))
    }

    /// What a user's own channel is called. Of an id that a name cannot hold as it is, `=` and its base64url stand there, or
    /// `==` and the base64url of its SHA-256 ([`UserId::to_channel_segment`]).
    pub fn user_channel(&self, user_id: &UserId) -> ChannelName {
        self.0.names.name(&Channel::User(user_id.clone()))
    }

    /// Signs an actor's connection in, so that the realtime server knows whose it is and can end it with all others of the
    /// actor.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where the realtime server has no notion of it;
    /// [`Internal`](ErrorKind::Internal) when it could not be signed.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id()))]
    pub fn sign_in(&self, actor: &Actor, socket_id: &SocketId) -> Result<UserAuth, Error> {
        const DOING: &str = "signing in to the realtime server";
        let signed = self.0.realtime.sign_in(socket_id, actor.user_id());
        let signed = signed.map_err(|error| Error::signing(error, DOING))?;
        signed.ok_or_else(|| Error::refused(Refusal::NotFound, DOING))
    }

    async fn decide_on(&self, actor: &Actor, channel: &Channel) -> Result<(), Error> {
        let (id, action) = match channel {
            Channel::Conversation(id) => (*id, Action::Subscribe),
            Channel::ConversationPresence(id) => (*id, Action::SubscribePresence),
            Channel::LongUser(_) => {
                return Err(Error::refused(Refusal::Forbidden, AUTHORISING));
            }
            Channel::User(user_id) => {
                return self
                    .decide(actor, Action::SubscribeUser(user_id), None, AUTHORISING)
                    .await
                    .map(drop);
            }
        };
        let conversation = self.stored(id, AUTHORISING).await?;
        self.decide(actor, action, conversation.as_ref(), AUTHORISING)
            .await
            .map(drop)
    }

    /// Ends a user's subscription after their access ended, as far as the transport can.
    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) {
        self.ended(channel, self.0.realtime.revoke(user_id, channel))
            .await;
    }

    /// Ends one subscription of a user who keeps their access, where the transport can.
    pub(in crate::use_case) async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) {
        self.ended(channel, self.0.realtime.unsubscribe(user_id, channel))
            .await;
    }

    async fn ended(
        &self,
        channel: &ChannelName,
        call: impl Future<Output = Result<(), TransportError>> + Send,
    ) {
        match clock::timeout(&*self.0.clock, self.0.relay.call_timeout(), call).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(%channel, error, "ending a subscription failed; it lasts until its connection ends");
            }
            Err(clock::Elapsed) => {
                tracing::warn!(%channel, "ending a subscription took too long; it may last until its connection ends");
            }
        }
    }

    async fn own_name(&self, actor: &Actor) -> String {
        let users = [actor.user_id().clone()].into();
        let query = ProfileQuery {
            users,
            ..ProfileQuery::default()
        };
        self.profiles(&query).await.user(actor.user_id()).name
    }
}
