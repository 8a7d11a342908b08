//! A server of the Pusher Channels protocol within this process.

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
mod rate;
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
    clock::{Clock, IdSource, timeout},
    event::ChannelName,
    telemetry::Metric,
};

pub use self::options::{ClientEvents, EmbeddedOptions, PublicChannels};
use self::server::{Server, Sockets};
use crate::{credentials::Credentials, signer::PusherSigner};

/// A server of the Pusher Channels protocol, versions 4 to 7, within this process: pusher-js and its relatives
/// connect to it as they do to hosted Pusher. Clones are the same server.
///
/// It knows only its own process's connections: with several processes, use a server beside them.
///
/// ```
/// # use std::sync::Arc;
/// use messaging_core::clock::{ManualClock, SequentialIds};
/// use messaging_pusher::{AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials {
///     key: AppKey::parse("local")?,
///     secret: AppSecret::parse("a random text, made at start")?,
/// };
/// // In a server: the system's clock and ids.
/// let (clock, ids) = (Arc::new(ManualClock::new()), Arc::new(SequentialIds::default()));
/// let channels = EmbeddedChannels::new(&credentials, EmbeddedOptions::default(), clock, ids);
///
/// let app: axum::Router = axum::Router::new().merge(channels.router());
/// // Pages connect with `new Pusher("local", { wsHost, wsPort, forceTLS, cluster: "", … })`.
/// # Ok(())
/// # }
/// ```
///
/// # Access
///
/// A subscription to a channel of ours (as [`ChannelNames`](messaging_core::event::ChannelNames) tells them;
/// see [`with_names`](EmbeddedOptions::with_names)) is accepted only if this very server
/// [signed](messaging_core::transport::channels::Channels::sign) it for that connection while it was open, and has
/// not revoked it since; in a presence channel, for the very member who is to show. So a signature from before
/// a [revocation](messaging_core::transport::realtime::Realtime::revoke) or a restart is worth nothing. Other
/// channels are the host's: what is signed with the same secret is accepted, wherever it was signed.
///
/// Signatures of a private channel are alike for all users of one connection. So a subscription belongs to
/// everyone for whom it had been signed when it began, and ends when any of them loses access; what is signed
/// later changes nothing about it.
///
/// A subscription that is revoked receives nothing more from then on. The page hears
/// `pusher:subscription_error` on that channel, with `{"type": "AuthError", "status": 403, …}`, as when an
/// authorisation endpoint refuses. pusher-js has no notion of a subscription that the server ends, and goes
/// on to call the channel subscribed; a page that wants to ask for access again later says
/// `pusher.unsubscribe(name)` first.
///
/// # Client events and public channels
///
/// Events that pages send each other (`client-…`) are relayed on the host's own signed channels only, and public
/// channels are refused, unless [`with_client_events`](EmbeddedOptions::with_client_events) and
/// [`with_public_channels`](EmbeddedOptions::with_public_channels) say otherwise. The server does not look into client
/// events: on a conversation's channels they would pass blocks, limits and the audit log.
///
/// # Limits
///
/// Those of hosted Pusher, and [`EmbeddedOptions`] for what a process can bear. Publishing never waits for a
/// connection, only lets the others have their turn: a connection that does not read in time loses what waited
/// for it and is closed with 4200, upon which pusher-js connects again and the page fetches what it missed. A
/// connection that says more than its share is read more slowly.
#[derive(Clone)]
pub struct EmbeddedChannels {
    server: Arc<Server>,
    signer: PusherSigner,
    sockets: Arc<Sockets>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl EmbeddedChannels {
    /// What is counted, beside the metrics of [`messaging_core::telemetry`].
    pub const METRICS: &'static [Metric] = telemetry::METRICS;

    /// A server for one app. The ids must not be guessable, nor come again after a restart: connections are
    /// named by them.
    pub fn new(
        credentials: &Credentials,
        options: EmbeddedOptions,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            server: Arc::new(Server::new(credentials, options)),
            signer: PusherSigner::new(credentials),
            sockets: Arc::new(Sockets::new()),
            clock,
            ids,
        }
    }

    /// `GET /app/{key}`, where clients open their WebSocket. To be merged into the host's routes, outside its
    /// login: who may subscribe to what is decided by signatures.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::router(self.clone())
    }

    /// Closes all connections with 4200, upon which clients connect again; who comes from now on is sent away
    /// with 4100, to come back a second later.
    /// Returns when they are closed, [`close_timeout`](EmbeddedOptions::with_close_timeout) later at most.
    ///
    /// Graceful shutdown of an HTTP server does not wait for WebSockets: call this beside it.
    pub async fn shutdown(&self) {
        self.server.hub().close_all();
        let limit = self.server.options.close_timeout;
        if timeout(&*self.clock, limit, self.sockets.all_gone())
            .await
            .is_err()
        {
            tracing::debug!("some realtime connections did not say goodbye in time");
        }
    }

    /// How many connections there are.
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
