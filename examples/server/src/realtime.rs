//! Where events go: to channels within this process, or to Pusher or a server of the same protocol.

use std::sync::Arc;

use axum::Router;
use messaging_core::{
    MessagingBuilder,
    clock::{IdSource as _, SystemClock, SystemIds},
    time::Timestamp,
};
use messaging_pusher::{
    AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions, PusherConfig, PusherOptions,
    PusherRealtime,
};

use crate::{
    demo::{APP_KEY, RealtimeConfig},
    stop,
};

/// The realtime server of this host.
#[derive(Debug, Clone)]
pub(crate) enum Realtime {
    /// Within this process.
    Embedded(EmbeddedChannels),
    /// Beside it, shared with other processes.
    Pusher(PusherRealtime, RealtimeConfig),
}

impl Realtime {
    /// Pusher if it is configured, else channels of our own.
    pub(crate) fn new(pusher: Option<PusherConfig>, max_websockets: u32) -> anyhow::Result<Self> {
        Ok(match pusher {
            Some(config) => {
                let pages = RealtimeConfig::of(&config);
                Self::Pusher(PusherRealtime::new(config, PusherOptions::default())?, pages)
            }
            None => Self::Embedded(EmbeddedChannels::new(
                &credentials()?,
                EmbeddedOptions::default()
                    .with_max_connections(max_websockets as usize)
                    .with_close_timeout(stop::GOODBYE),
                Arc::new(SystemClock),
                Arc::new(SystemIds),
            )),
        })
    }

    /// Publishes to it, and asks it who is connected.
    pub(crate) fn join(&self, messaging: MessagingBuilder) -> MessagingBuilder {
        match self {
            Self::Embedded(channels) => messaging.realtime(channels.clone()).presence(channels.clone()),
            Self::Pusher(pusher, _) => messaging.realtime(pusher.clone()).presence(pusher.clone()),
        }
    }

    /// Whether those who are connected to other processes hear nothing of what this one publishes.
    pub(crate) fn is_of_this_process(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// What pages are to be told, if it is not to be found where they found this server.
    pub(crate) fn elsewhere(&self) -> Option<RealtimeConfig> {
        match self {
            Self::Embedded(_) => None,
            Self::Pusher(_, pages) => Some(pages.clone()),
        }
    }

    /// Where clients connect, if it is here.
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        match self {
            Self::Embedded(channels) => channels.router(),
            Self::Pusher(..) => Router::new(),
        }
    }

    /// Says goodbye to who is connected to this process.
    pub(crate) async fn shutdown(&self) {
        if let Self::Embedded(channels) = self {
            channels.shutdown().await;
        }
    }
}

/// A key for pusher-js, and a secret that lives as long as the process: whatever it signs does, too.
fn credentials() -> anyhow::Result<Credentials> {
    let random = [(); 3].map(|()| SystemIds.new_id(Timestamp::EPOCH).simple().to_string());
    Ok(Credentials {
        key: AppKey::parse(APP_KEY)?,
        secret: AppSecret::parse(random.concat())?,
    })
}
