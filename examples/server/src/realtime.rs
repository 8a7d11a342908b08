//! The realtime server: embedded channels, or Pusher or a compatible server.

use axum::Router;
use messaging_core::{
    MessagingBuilder,
    clock::{IdSource as _, SystemIds},
    time::Timestamp,
};
use messaging_pusher::{
    AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions, PusherConfig, PusherOptions,
    PusherRealtime,
};

use crate::{
    demo::{APP_KEY, RealtimeConfig},
    shutdown,
};

/// The realtime server of this host.
#[derive(Debug, Clone)]
pub(crate) enum Realtime {
    /// Embedded in this process.
    Embedded(EmbeddedChannels),
    /// External, shared with other processes.
    Pusher(PusherRealtime, RealtimeConfig),
}

impl Realtime {
    /// Uses Pusher if configured, otherwise embedded channels.
    pub(crate) fn new(pusher: Option<PusherConfig>, max_websockets: u32) -> anyhow::Result<Self> {
        Ok(match pusher {
            Some(config) => {
                let pages = RealtimeConfig::new(&config);
                Self::Pusher(PusherRealtime::new(config, PusherOptions::default())?, pages)
            }
            None => Self::Embedded(EmbeddedChannels::new(
                &credentials()?,
                EmbeddedOptions::default()
                    .with_max_connections(max_websockets as usize)
                    .with_close_timeout(shutdown::CHANNEL_TIMEOUT),
            )),
        })
    }

    /// Configures messaging to publish to it and to query its presence.
    pub(crate) fn attach(&self, messaging: MessagingBuilder) -> MessagingBuilder {
        match self {
            Self::Embedded(channels) => messaging.transport(channels.clone()),
            Self::Pusher(pusher, _) => messaging.transport(pusher.clone()),
        }
    }

    /// Whether only clients of this process receive the events that it publishes.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// The client options of an external realtime server.
    pub(crate) fn external_config(&self) -> Option<RealtimeConfig> {
        match self {
            Self::Embedded(_) => None,
            Self::Pusher(_, pages) => Some(pages.clone()),
        }
    }

    /// The WebSocket route of embedded channels.
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        match self {
            Self::Embedded(channels) => channels.router(),
            Self::Pusher(..) => Router::new(),
        }
    }

    /// Closes the connections of embedded channels.
    pub(crate) async fn shutdown(&self) {
        if let Self::Embedded(channels) = self {
            channels.shutdown().await;
        }
    }
}

/// The app key, and a random secret that is valid for the lifetime of the process, as are its signatures.
fn credentials() -> anyhow::Result<Credentials> {
    let random = [(); 3].map(|()| SystemIds.new_id(Timestamp::EPOCH).simple().to_string());
    Ok(Credentials {
        key: AppKey::parse(APP_KEY)?,
        secret: AppSecret::parse(random.concat())?,
    })
}
