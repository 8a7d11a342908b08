//! Hosted Pusher, or a compatible server next to the host's processes.

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
    transport::TransportError,
    transport::channels::{ChannelAuth, Channels, Subscription, UserAuth, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime, RevokeScope},
};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use config::{AppId, InvalidAppId, InvalidServer, PusherConfig, PusherConfigError, PusherServer, Tls};
pub use options::PusherOptions;

use self::{api::Api, http::ApiError, presence::PresenceCache, webhook::SeenWebhooks};
use crate::signer::PusherSigner;

/// A client for Pusher Channels or a compatible server: publishes events, signs subscriptions, queries presence and
/// verifies webhooks. Clones share one client.
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
/// | response | [`TransportErrorKind`](messaging_core::transport::TransportErrorKind) |
/// |---|---|
/// | 400, 413 | `Refused`: the event is invalid |
/// | 401, 403, 404 | `Misconfigured`: wrong credentials or unknown app |
/// | 429 | `Busy`, with the seconds of `Retry-After` |
/// | no connection, other 3xx and 4xx | `Unavailable` |
/// | timeout, 5xx, lost connection, invalid response | `OutcomeUnknown`: the server may have accepted the events |
///
/// # Revoking access
///
/// Revoking a subscription ends all connections of the user, who reconnects and requests new signatures. The server
/// knows only users who have *signed in* (`pusher.signin()`, with the route `POST /pusher/user-auth`); other users keep
/// their subscriptions until they disconnect. One call covers all conversations that a user has lost so far. Each
/// process makes at most one such call in 10 s for a user: later revocations wait for the next call, and so do later
/// events of their conversations.
///
/// # Runtime
///
/// Requires a tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct PusherRealtime(Arc<Inner>);

struct Inner {
    config: PusherConfig,
    options: PusherOptions,
    api: Api,
    signer: PusherSigner,
    presence: PresenceCache,
    seen_webhooks: SeenWebhooks,
    spelling_warning: Once,
    clock: Arc<dyn Clock>,
}

/// Maximum number of concurrent presence lookups.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

#[derive(Deserialize)]
struct ChannelState {
    occupied: bool,
}

impl PusherRealtime {
    /// Creates a client configured by the environment: see [`PusherConfig::from_env`].
    ///
    /// # Errors
    /// [`PusherConfigError`] names the missing or invalid variables.
    pub fn from_env() -> Result<Self, PusherConfigError> {
        Self::new(PusherConfig::from_env()?, PusherOptions::default())
    }

    /// Creates a client. Performs no network I/O; reads the system's root certificates.
    ///
    /// # Errors
    /// [`PusherConfigError::Tls`] if no root certificate is available or one is unreadable.
    pub fn new(config: PusherConfig, options: PusherOptions) -> Result<Self, PusherConfigError> {
        Self::with_clock(config, options, Arc::new(SystemClock))
    }

    /// Creates a client with another clock. It must be accurate: requests carry its time, and the server rejects a
    /// wrong one.
    ///
    /// # Errors
    /// [`PusherConfigError::Tls`] if no root certificate is available or one is unreadable.
    pub fn with_clock(
        config: PusherConfig,
        options: PusherOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PusherConfigError> {
        Ok(Self(Arc::new(Inner {
            api: Api::new(&config, &options, clock.clone())?,
            signer: PusherSigner::new(&config.credentials),
            presence: PresenceCache::new(options.presence_ttl, options.presence_capacity),
            seen_webhooks: SeenWebhooks::default(),
            spelling_warning: Once::new(),
            config,
            options,
            clock,
        })))
    }

    /// The configuration of the app.
    pub fn config(&self) -> &PusherConfig {
        &self.0.config
    }

    async fn is_online(&self, user: &UserId) -> Result<bool, ApiError> {
        let now = self.0.clock.now();
        let channel = self.0.options.names.name(&Channel::User(user.clone()));
        let lookup = match self.0.presence.get(&channel, now) {
            Ok(online) => return Ok(online),
            Err(lookup) => lookup,
        };
        let state: ChannelState = self.0.api.get(&format!("/channels/{channel}")).await?;
        self.0
            .presence
            .complete(&channel, lookup, state.occupied, self.0.clock.now());
        Ok(state.occupied)
    }
}

impl Channels for PusherRealtime {
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError> {
        let Inner {
            signer,
            options,
            spelling_warning,
            ..
        } = &*self.0;
        let name = &subscription.channel;
        let canonical = options.names.canonical(name);
        if *canonical != *name {
            spelling_warning.call_once(|| {
                tracing::warn!(
                    channel = %name,
                    %canonical,
                    "channel subscription uses a non-canonical UUID; the realtime server treats it as another channel, in \
                     which nothing is published; fix the client to use ids exactly as the API returns them; further \
                     occurrences are not logged"
                );
            });
        }
        signer.sign(subscription)
    }

    fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<Option<UserAuth>, TransportError> {
        self.0.signer.sign_in(socket_id, user).map(Some)
    }

    fn receive_webhook(&self, webhook: &Webhook<'_>) -> Result<(), WebhookError> {
        let Inner {
            config,
            options,
            presence,
            seen_webhooks,
            clock,
            ..
        } = &*self.0;
        let channels = seen_webhooks.verify(&config.credentials, &options.names, webhook, clock.now())?;
        for channel in &channels {
            presence.invalidate(channel);
        }
        Ok(())
    }
}

#[async_trait]
impl Realtime for PusherRealtime {
    fn limits(&self) -> Limits {
        publish::LIMITS
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        publish::publish(&self.0.api, batch).await
    }

    async fn revoke(&self, user_id: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        let user = request::percent_encode(&user_id.to_protocol_id());
        let path = format!("/users/{user}/terminate_connections");
        let answered = self.0.api.post::<Map<String, Value>>(&path, "{}".to_owned());
        answered.await.map(drop).map_err(publish::publish_error)
    }

    /// The API can only end all connections of a user.
    fn revoke_scope(&self) -> RevokeScope {
        RevokeScope::User
    }
}

#[async_trait]
impl Presence for PusherRealtime {
    /// Omits users whose lookup failed.
    ///
    /// # Errors
    /// [`HostError`] if no lookup succeeded.
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let look_up = |user: UserId| async move { (self.is_online(&user).await, user) };
        let lookups = stream::iter(users.to_vec())
            .map(look_up)
            .buffer_unordered(MAX_CONCURRENT_LOOKUPS);
        let mut online = HashMap::with_capacity(users.len());
        let mut failed = None;
        for (answer, user) in lookups.collect::<Vec<_>>().await {
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
                tracing::warn!(
                    error,
                    "presence lookup failed for some users; treating their presence as unknown"
                );
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
