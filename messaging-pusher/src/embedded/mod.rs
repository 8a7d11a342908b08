//! An in-process server for the Pusher Channels protocol.

mod close;
mod command;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod grants;
mod hub;
mod liveness;
mod options;
mod ports;
mod rate_limit;
mod refusal;
mod roster;
mod routes;
mod send_queue;
mod server;
mod session;
mod socket;
mod telemetry;
#[cfg(test)]
mod tests;
mod verifier;

use std::{fmt, sync::Arc};

use axum::Router;
use messaging_core::{
    clock::{Clock, IdSource, SystemClock, SystemIds, timeout},
    event::ChannelName,
    telemetry::Metric,
};

pub use self::options::{ClientEvents, EmbeddedOptions, PublicChannels};
use self::server::{Server, Sockets};
use crate::{credentials::Credentials, signer::PusherSigner};

/// An in-process server for versions 4 to 7 of the Pusher Channels protocol. pusher-js and other Pusher clients connect
/// to it as they do to hosted Pusher. Clones share one server.
///
/// The server delivers to connections of its own process only. With several processes, run a separate server.
///
/// ```
/// use messaging_pusher::{AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials {
///     key: AppKey::parse("local")?,
///     secret: AppSecret::parse("a random text, generated at start")?,
/// };
/// let channels = EmbeddedChannels::new(&credentials, EmbeddedOptions::default());
///
/// let app: axum::Router = axum::Router::new().merge(channels.router());
/// // Pages connect with `new Pusher("local", { wsHost, wsPort, forceTLS, cluster: "", … })`.
/// # Ok(())
/// # }
/// ```
///
/// # Access
///
/// A subscription to a channel of the messaging API (see [`ChannelNames`](messaging_core::event::ChannelNames) and
/// [`with_names`](EmbeddedOptions::with_names)) is accepted only if this server
/// [signed](messaging_core::transport::channels::Channels::sign) it for that open connection and has not revoked it since.
/// In a presence channel the signature must also name the member. A signature from before a
/// [revocation](messaging_core::transport::realtime::Realtime::revoke) or a restart is rejected. Other channels belong to
/// the host: any valid signature with the same secret is accepted.
///
/// A private channel's signature does not name a user. A subscription therefore belongs to every user for whom this
/// connection had a signature when the subscription began, and ends when any of them loses access. Later signatures do
/// not change it.
///
/// A revoked subscription receives no further events. The client receives `pusher:subscription_error` on that channel
/// with `{"type": "AuthError", "status": 403, …}`, as after a refusal by an authorisation endpoint. pusher-js still
/// treats the channel as subscribed; a page that wants to request access again calls `pusher.unsubscribe(name)` first.
///
/// # Client events and public channels
///
/// Client events (`client-…`) are relayed on the host's own signed channels only, and public channels are refused,
/// unless [`with_client_events`](EmbeddedOptions::with_client_events) and
/// [`with_public_channels`](EmbeddedOptions::with_public_channels) enable more. The server does not inspect client
/// events: on a conversation's channels they would bypass blocks, rate limits and the audit log.
///
/// # Limits
///
/// The limits are those of hosted Pusher and of [`EmbeddedOptions`]. Publishing never waits for a connection; it only
/// yields to other tasks. A connection that does not read in time loses its queued events and is closed with 4200:
/// pusher-js reconnects and the page fetches what it missed. The server reads more slowly from a connection that
/// exceeds its message rate.
#[derive(Clone)]
pub struct EmbeddedChannels {
    server: Arc<Server>,
    signer: PusherSigner,
    sockets: Arc<Sockets>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl EmbeddedChannels {
    /// The metrics of the embedded server, in addition to those of [`messaging_core::telemetry`].
    pub const METRICS: &'static [Metric] = telemetry::METRICS;

    /// Creates a server for one app.
    pub fn new(credentials: &Credentials, options: EmbeddedOptions) -> Self {
        Self {
            server: Arc::new(Server::new(credentials, options)),
            signer: PusherSigner::new(credentials),
            sockets: Arc::new(Sockets::new()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        }
    }

    /// Replaces the system's clock and ids, for tests. Call it before cloning: earlier clones keep theirs.
    ///
    /// Ids become socket ids. Outside of tests they must be unguessable and must not repeat after a restart.
    pub fn with_clock(self, clock: impl Clock + 'static, ids: impl IdSource + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            ids: Arc::new(ids),
            ..self
        }
    }

    /// Returns the WebSocket route `GET /app/{key}`. Merge it into the host's router outside the login middleware:
    /// signatures control access to channels.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::router(self.clone())
    }

    /// Closes all connections with 4200, so that clients reconnect, and refuses new ones with 4100, so that clients
    /// retry after a second. Returns when all connections are closed, at the latest after
    /// [`close_timeout`](EmbeddedOptions::with_close_timeout).
    ///
    /// Graceful shutdown of an HTTP server does not wait for WebSockets: call this as well.
    pub async fn shutdown(&self) {
        self.server.hub().close_all();
        let limit = self.server.options.close_timeout;
        if timeout(&*self.clock, limit, self.sockets.all_closed())
            .await
            .is_err()
        {
            tracing::debug!("realtime shutdown timed out; some clients did not answer the close frame");
        }
    }

    /// The number of accepted connections.
    pub fn connection_count(&self) -> usize {
        self.server.hub().connection_count()
    }

    /// The channels with at least one subscriber, by name.
    pub fn occupied_channels(&self) -> Vec<ChannelName> {
        self.server.hub().occupied_channels().into_iter().collect()
    }
}

impl fmt::Debug for EmbeddedChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedChannels")
            .field("signer", &self.signer)
            .field("options", &self.server.options)
            .finish_non_exhaustive()
    }
}
