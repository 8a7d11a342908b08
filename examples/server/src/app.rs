//! Assembles the server from its parts.

use std::time::Duration;

use axum::{
    Router,
    extract::FromRef,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use messaging_axum::{HttpOptions, Server, ServerError, Stopped};
use messaging_core::{Messaging, Options, Workers, worker::RelayOptions};
use tokio::net::TcpListener;
use tower_http::timeout::TimeoutLayer;

use crate::{
    assets, bookings,
    config::Config,
    cross_site::{self, CrossSitePolicy},
    demo, health, images, login, mail,
    mail::Mail,
    metrics::{self, Metrics},
    realtime::Realtime,
    reference, security_headers,
    serve::{self, Limits, Routers},
    shutdown,
    storage::Storage,
};

/// Time limit for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Client timeout of connections above the limit.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The assembled server.
pub(crate) struct App {
    storage: Storage,
    realtime: Realtime,
    mail: Mail,
    metrics: Metrics,
    messaging: Messaging,
    workers: Workers,
    limits: Limits,
    cross_site: CrossSitePolicy,
}

/// State shared by the routes.
#[derive(Clone, FromRef)]
struct AppState {
    messaging: Messaging,
    realtime: Realtime,
    mail: Mail,
    metrics: Metrics,
}

impl App {
    /// Assembles the server.
    pub(crate) fn new(
        storage: Storage,
        realtime: Realtime,
        mail: Mail,
        metrics: Metrics,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let (policy, options) = mail::policy(config.digest_delay());
        let builder = realtime
            .attach(storage.messaging(config.rate_limits))
            .digests(mail.clone(), policy);
        let (messaging, workers) = builder
            .options(
                Options::default()
                    .with_relay(RelayOptions::default().with_drain(shutdown::PUBLISH_TIMEOUT))
                    .with_digests(options.with_drain(shutdown::PUBLISH_TIMEOUT)),
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
            cross_site: CrossSitePolicy::new(config.public_url.as_deref())?,
        })
    }

    fn router(&self) -> Router<AppState> {
        let client_timeout = self.limits.client_timeout;
        let options = HttpOptions::default()
            .with_login(login::SCHEME)
            .with_body_timeout(client_timeout);
        let book = post(bookings::book).layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            client_timeout,
        ));
        let routes = messaging_axum::routes(&self.messaging, options);
        Router::new()
            .nest("/api", routes.participants.merge(routes.admin))
            .route("/demo/bookings", book)
            .layer(from_fn(login::authenticate))
            .layer(from_fn_with_state(
                self.cross_site.clone(),
                cross_site::refuse_cross_site,
            ))
            .nest("/api", routes.webhooks.merge(routes.document))
            .merge(reference::router())
            .merge(assets::router(self.realtime.external_config().as_ref()))
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
                    RESPONSE_TIMEOUT,
                ))
                .layer(from_fn(security_headers::add_security_headers))
                .with_state(AppState {
                    messaging: self.messaging.clone(),
                    realtime: self.realtime.clone(),
                    mail: self.mail.clone(),
                    metrics: self.metrics.clone(),
                })
        });
        Routers { all, probes }
    }

    /// Serves until SIGTERM or Ctrl-C, then stops.
    pub(crate) async fn serve(self, listener: TcpListener) -> Result<Stopped, ServerError> {
        let (routers, limits) = (self.routers(), self.limits);
        let Self {
            workers,
            realtime,
            storage,
            ..
        } = self;
        Server::from_fn(move |stop| async move {
            serve::serve(listener, routers, limits, stop).await;
            Ok(())
        })
        .workers(workers)
        .on_stop(async move { realtime.shutdown().await })
        .finally(async move { storage.close().await })
        .run()
        .await
    }
}

/// Routes for operators.
fn probes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
}
