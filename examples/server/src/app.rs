//! The wiring: the crates' parts, put together for this host.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    extract::FromRef,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use messaging_axum::HttpOptions;
use messaging_core::{Messaging, Options, RelayOptions, Workers};
use tokio::{net::TcpListener, sync::oneshot};
use tower_http::timeout::TimeoutLayer;

use crate::{
    assets, bookings,
    config::Config,
    cross_site::{self, Guard},
    demo, guard, health, images, login, mail,
    mail::Mail,
    metrics::{self, Metrics},
    realtime::Realtime,
    reference,
    serve::{self, Limits, Routers},
    stop::{self, End, Parts},
    storage::Storage,
};

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take when there are as many connections as may be.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The server, ready to run.
pub(crate) struct App {
    storage: Storage,
    realtime: Realtime,
    mail: Mail,
    metrics: Metrics,
    messaging: Messaging,
    workers: Workers,
    limits: Limits,
    guard: Guard,
}

/// What the routes share.
#[derive(Clone, FromRef)]
struct AppState {
    messaging: Messaging,
    realtime: Realtime,
    mail: Mail,
    metrics: Metrics,
}

impl App {
    /// Puts the server together around its store and its realtime server.
    pub(crate) fn on(
        storage: Storage,
        realtime: Realtime,
        mail: Mail,
        metrics: Metrics,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let (policy, options) = mail::policy(config.digest_delay());
        let builder = realtime
            .join(storage.messaging(config.rate_limits))
            .digests(mail.clone(), policy);
        let (messaging, workers) = builder
            .options(
                Options::default()
                    .with_relay(RelayOptions::default().with_drain(stop::PUBLISHING))
                    .with_digests(options.with_drain(stop::PUBLISHING)),
            )
            .build()?;
        Ok(Self {
            storage,
            realtime,
            mail,
            metrics,
            messaging,
            workers,
            limits: Limits {
                connections: config.max_connections as usize,
                client_timeout: config.client_timeout(),
                probe_timeout: PROBE_TIMEOUT,
            },
            guard: Guard::new(config.public_url.as_deref())?,
        })
    }

    fn router(&self) -> Router<AppState> {
        let client_timeout = self.limits.client_timeout;
        let options = HttpOptions::default()
            .with_login(login::HOW)
            .with_body_timeout(client_timeout);
        let book = post(bookings::book).layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            client_timeout,
        ));
        let routes = messaging_axum::routes::<AppState>(options);
        Router::new()
            .nest("/api", routes.participants.merge(routes.admin))
            .route("/demo/bookings", book)
            .layer(from_fn(login::identify))
            .layer(from_fn_with_state(self.guard.clone(), cross_site::refuse))
            .nest("/api", routes.webhooks.merge(routes.document))
            .merge(reference::router())
            .merge(assets::router(self.realtime.elsewhere().as_ref()))
            .merge(self.realtime.router())
            .route("/demo/config", get(demo::config))
            .route("/demo/users", get(demo::users))
            .route("/demo/users/{id}", get(demo::user))
            .route("/demo/tours", get(demo::tours))
            .route("/demo/tours/{id}", get(demo::tour))
            .route("/demo/images/{file}", get(images::show))
            .route("/demo/mail", get(mail::list))
            .route("/demo/mail/{id}", get(mail::show))
            .merge(probes())
    }

    fn routers(&self) -> Routers {
        let [all, probes] = [self.router(), probes().fallback(health::over_capacity)].map(|router| {
            router
                .layer(TimeoutLayer::with_status_code(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ANSWER_TIMEOUT,
                ))
                .layer(from_fn(guard::protect))
                .with_state(AppState {
                    messaging: self.messaging.clone(),
                    realtime: self.realtime.clone(),
                    mail: self.mail.clone(),
                    metrics: self.metrics.clone(),
                })
        });
        Routers { all, probes }
    }

    /// Serves until `stop` is ready, then finishes what it has begun, as far as it can be by the
    /// [deadline](stop::DEADLINE).
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<End> {
        let (stop_accepting, accepting) = oneshot::channel::<()>();
        let (stop_publishing, publishing) = oneshot::channel::<()>();
        let server = tokio::spawn(serve::serve(
            listener,
            self.routers(),
            self.limits,
            ended(accepting),
        ));
        let workers = tokio::spawn(self.workers.run(ended(publishing)));

        stop.await;
        tracing::info!("stopping");
        let mut failed = Ok(());
        let mut workers_failed = Ok(());
        let end = stop::end(Parts {
            requests: async {
                drop(stop_accepting);
                failed = server.await.context("the HTTP server failed");
            },
            publishing: async {
                drop(stop_publishing);
                workers_failed = workers.await.context("the workers failed");
            },
            channels: self.realtime.shutdown(),
            storage: self.storage.close(),
        })
        .await;
        failed.and(workers_failed)?;
        match end {
            End::Orderly => tracing::info!("stopped"),
            End::CutOff => tracing::warn!("stopped at the deadline, before everything had ended"),
        }
        Ok(end)
    }
}

/// What operators ask.
fn probes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
}

/// Ready when the sender is gone.
async fn ended(signal: oneshot::Receiver<()>) {
    signal.await.ok();
}
