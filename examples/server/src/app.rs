//! The wiring: the crates' parts, put together for this host.

use std::{future::IntoFuture as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    extract::FromRef,
    middleware::from_fn,
    routing::{get, post},
};
use messaging_axum::HttpOptions;
use messaging_core::{
    Messaging, Workers,
    clock::{IdSource as _, SystemClock, SystemIds},
    time::Timestamp,
};
use messaging_pusher::{AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

use crate::{assets, bookings, demo, health, images, login, storage::Storage};

/// For how long requests may take that were under way when the server was stopped.
const REQUESTS_GRACE: Duration = Duration::from_secs(10);

/// The server, ready to run.
pub(crate) struct App {
    storage: Storage,
    channels: EmbeddedChannels,
    messaging: Messaging,
    workers: Workers,
}

/// What the routes share.
#[derive(Clone, FromRef)]
struct AppState {
    messaging: Messaging,
}

impl App {
    /// Puts the server together around its store.
    pub(crate) fn on(storage: Storage) -> anyhow::Result<Self> {
        let channels = EmbeddedChannels::new(
            &credentials()?,
            EmbeddedOptions::default(),
            Arc::new(SystemClock),
            Arc::new(SystemIds),
        );
        let (messaging, workers) = storage
            .messaging()
            .realtime(channels.clone())
            .presence(channels.clone())
            .build()?;
        Ok(Self {
            storage,
            channels,
            messaging,
            workers,
        })
    }

    fn router(&self) -> Router {
        Router::new()
            .nest(
                "/api",
                messaging_axum::routes::<AppState>(HttpOptions::default()).all(),
            )
            .route("/demo/bookings", post(bookings::book))
            .layer(from_fn(login::identify))
            .merge(assets::router())
            .merge(self.channels.router())
            .route("/demo/config", get(demo::config))
            .route("/demo/users", get(demo::users))
            .route("/demo/users/{id}", get(demo::user))
            .route("/demo/agencies", get(demo::agencies))
            .route("/demo/images/{file}", get(images::show))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .with_state(AppState {
                messaging: self.messaging.clone(),
            })
    }

    /// Serves until `stop` is ready, then finishes what it has begun: first the requests that are under way,
    /// then what is to be published, then the connections of the channels, and at last the database.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let (stop_accepting, accepting) = oneshot::channel::<()>();
        let (stop_publishing, publishing) = oneshot::channel::<()>();
        let server = axum::serve(listener, self.router()).with_graceful_shutdown(ended(accepting));
        let server = tokio::spawn(server.into_future());
        let workers = tokio::spawn(self.workers.run(ended(publishing)));

        stop.await;
        tracing::info!("stopping");
        drop(stop_accepting);
        if let Ok(finished) = timeout(REQUESTS_GRACE, server).await {
            finished.context("the HTTP server failed")??;
        } else {
            tracing::warn!("some requests were cut off: they took too long");
        }
        drop(stop_publishing);
        workers.await.context("the workers failed")?;
        self.channels.shutdown().await;
        self.storage.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Ready when the sender is gone.
async fn ended(signal: oneshot::Receiver<()>) {
    signal.await.ok();
}

/// A key for pusher-js, and a secret that lives as long as the process: whatever it signs does, too.
fn credentials() -> anyhow::Result<Credentials> {
    let random = [(); 3].map(|()| SystemIds.new_id(Timestamp::EPOCH).simple().to_string());
    Ok(Credentials {
        key: AppKey::parse(demo::APP_KEY)?,
        secret: AppSecret::parse(random.concat())?,
    })
}
