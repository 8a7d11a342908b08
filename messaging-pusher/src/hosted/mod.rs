//! Pusher, or a server of the same protocol beside the host's processes.

mod api;
mod config;
pub(crate) mod http;
mod options;
mod presence;
pub(crate) mod publish;
mod request;
mod tls;
mod webhook;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Once},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use messaging_core::{
    clock::{Clock, SystemClock},
    event::{Channel, ChannelName, Event, SocketId},
    host::HostError,
    host::presence::Presence,
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Subscription, UserAuth, Webhook, WebhookError},
    transport::realtime::{Limits, PublishError, Realtime, RevokeScope},
};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use config::{AppId, InvalidAppId, InvalidServer, PusherConfig, PusherConfigError, PusherServer, Tls};
pub use options::PusherOptions;

use self::{api::Api, http::ApiError, presence::Memory, webhook::Taken};
use crate::signer::PusherSigner;

/// Pusher Channels, or another server of the same protocol: publishes, signs subscriptions, says who is
/// connected, and takes webhooks. Clones are the same.
///
/// ```no_run
/// use messaging_pusher::PusherRealtime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pusher = PusherRealtime::from_env()?; // PUSHER_APP_ID, PUSHER_KEY, PUSHER_SECRET, PUSHER_CLUSTER
/// # Ok(())
/// # }
/// ```
///
/// # Failures
///
/// | answer | [`PublishErrorKind`](messaging_core::transport::realtime::PublishErrorKind) |
/// |---|---|
/// | 400, 413 | `Refused`: the event itself |
/// | 401, 403, 404 | `Misconfigured`: our credentials, or there is no such app |
/// | 429 | `Busy`, with the seconds of `Retry-After` |
/// | anything else: a time-out, no connection, another status, what is not an answer of the API | `Down` |
///
/// # Access that ended
///
/// Revoking a subscription ends all connections of the user, who connects again and is asked for signatures anew;
/// but the server knows only users who have *signed in* (`pusher.signin()`, which the route `POST /pusher/user-auth` answers).
/// Others keep what they are subscribed to until their connection ends.
/// One call serves all conversations that a user has lost by then, and each process makes at most one in 10 s for a user:
/// what it does not serve waits for the next one, with everything later in its conversation.
///
/// # Runtime
///
/// Needs tokio's, with time and I/O.
#[derive(Clone)]
pub struct PusherRealtime(Arc<Parts>);

struct Parts {
    config: PusherConfig,
    options: PusherOptions,
    api: Api,
    signer: PusherSigner,
    memory: Memory,
    taken: Taken,
    other_spelling: Once,
    clock: Arc<dyn Clock>,
}

/// How many questions about users may be under way at once.
const QUESTIONS: usize = 8;

#[derive(Deserialize)]
struct ChannelState {
    occupied: bool,
}

impl PusherRealtime {
    /// The app that the environment names, as [`PusherConfig::from_env`] reads it.
    ///
    /// # Errors
    /// [`PusherConfigError`] says what is missing or cannot be used.
    pub fn from_env() -> Result<Self, PusherConfigError> {
        Self::new(PusherConfig::from_env()?, PusherOptions::default())
    }

    /// An app. No I/O but reading the certificates that the system trusts.
    ///
    /// # Errors
    /// [`PusherConfigError::Tls`].
    pub fn new(config: PusherConfig, options: PusherOptions) -> Result<Self, PusherConfigError> {
        Self::with_clock(config, options, Arc::new(SystemClock))
    }

    /// The same by another clock than the system's, which must be right: calls carry its time.
    ///
    /// # Errors
    /// [`PusherConfigError::Tls`].
    pub fn with_clock(
        config: PusherConfig,
        options: PusherOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PusherConfigError> {
        Ok(Self(Arc::new(Parts {
            api: Api::new(&config, &options, clock.clone())?,
            signer: PusherSigner::new(&config.credentials),
            memory: Memory::new(options.presence_ttl, options.presence_capacity),
            taken: Taken::default(),
            other_spelling: Once::new(),
            config,
            options,
            clock,
        })))
    }

    /// The app.
    pub fn config(&self) -> &PusherConfig {
        &self.0.config
    }

    async fn ask(&self, user: &UserId) -> Result<bool, ApiError> {
        let now = self.0.clock.now();
        let channel = self.0.options.names.name(&Channel::User(user.clone()));
        let question = match self.0.memory.recall(&channel, now) {
            Ok(online) => return Ok(online),
            Err(question) => question,
        };
        let state: ChannelState = self.0.api.get(&format!("/channels/{channel}")).await?;
        self.0
            .memory
            .answered(&channel, question, state.occupied, self.0.clock.now());
        Ok(state.occupied)
    }
}

impl Channels for PusherRealtime {
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, HostError> {
        let Parts {
            signer,
            options,
            other_spelling,
            ..
        } = &*self.0;
        let name = &subscription.channel;
        let canonical = options.names.canonical(name);
        if *canonical != *name {
            other_spelling.call_once(|| {
                tracing::warn!(
                    channel = %name,
                    %canonical,
                    "a client subscribes to a channel by another spelling of its UUID: it is signed, but to the realtime \
                     server it is another channel, in which nothing is published; the client has to use ids as the API \
                     answers them"
                );
            });
        }
        signer.sign(subscription)
    }

    fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<Option<UserAuth>, HostError> {
        self.0.signer.sign_in(socket_id, user).map(Some)
    }

    fn receive_webhook(&self, webhook: &Webhook<'_>) -> Result<(), WebhookError> {
        let Parts {
            config,
            options,
            memory,
            taken,
            clock,
            ..
        } = &*self.0;
        let channels = taken.take(&config.credentials, &options.names, webhook, clock.now())?;
        for channel in &channels {
            memory.forget(channel);
        }
        Ok(())
    }
}

#[async_trait]
impl Realtime for PusherRealtime {
    fn limits(&self) -> Limits {
        publish::LIMITS
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), PublishError> {
        publish::publish(&self.0.api, batch).await
    }

    async fn revoke(&self, user_id: &UserId, _: &ChannelName) -> Result<(), PublishError> {
        let user = request::segment(&user_id.to_protocol_id());
        let path = format!("/users/{user}/terminate_connections");
        let answered = self.0.api.post::<Map<String, Value>>(&path, "{}".to_owned());
        answered.await.map(drop).map_err(publish::failure)
    }

    /// The API ends all connections of a user.
    fn revoke_scope(&self) -> RevokeScope {
        RevokeScope::User
    }
}

#[async_trait]
impl Presence for PusherRealtime {
    /// Unknown is who could not be asked for.
    ///
    /// # Errors
    /// When nobody could.
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let ask = |user: UserId| async move { (self.ask(&user).await, user) };
        let asked = stream::iter(users.to_vec()).map(ask).buffer_unordered(QUESTIONS);
        let mut online = HashMap::with_capacity(users.len());
        let mut failed = None;
        for (answer, user) in asked.collect::<Vec<_>>().await {
            match answer {
                Ok(is_online) => {
                    online.insert(user, is_online);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if online.is_empty() => Err(HostError::temporary(error)),
            Some(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "of some users it is not known whether they are connected");
                Ok(online)
            }
            None => Ok(online),
        }
    }
}

impl fmt::Debug for PusherRealtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PusherRealtime")
            .field("config", &self.0.config)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
