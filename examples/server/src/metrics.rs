//! What a monitoring system asks, in the text format of Prometheus.

use std::time::Duration;

use ::metrics::Unit;
use anyhow::Context as _;
use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};
use messaging_core::{
    Messaging,
    telemetry::{self, Metric, MetricKind},
};
use messaging_pusher::EmbeddedChannels;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;

/// The bounds of what is measured in seconds.
const BOUNDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Of this server, beside those of the crates.
const METRICS: [Metric; 1] = [Metric::new(
    OVER_LIMIT,
    MetricKind::Counter,
    Unit::Count,
    "Connections that came when all were taken: probes among them are answered.",
)];
const OVER_LIMIT: &str = "messaging_server_connections_over_limit_total";

/// How often what was measured is put into classes, when nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where the crates count.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Has this process counted from now on.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS)?.build_recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).context("this process counts already")?;
        telemetry::describe(telemetry::METRICS);
        telemetry::describe(messaging_axum::METRICS);
        telemetry::describe(EmbeddedChannels::METRICS);
        telemetry::describe(&METRICS);
        let kept = handle.clone();
        tokio::spawn(async move {
            loop {
                sleep(UPKEEP).await;
                kept.run_upkeep();
            }
        });
        Ok(Self(handle))
    }
}

/// Counts a connection that came when all were taken.
pub(crate) fn connection_over_limit() {
    ::metrics::counter!(OVER_LIMIT).increment(1);
}

/// `GET /metrics`: what this process has done, and what waits in the store; the latter as it was when the store could
/// last say.
pub(crate) async fn show(
    State(messaging): State<Messaging>,
    State(metrics): State<Metrics>,
) -> impl IntoResponse {
    // Sets the gauges.
    messaging.recent_health().await.ok();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.0.render())
}
