//! Metrics in the Prometheus text format.

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

/// Histogram bounds, in seconds.
const BOUNDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// The metrics of this server, in addition to those of the crates.
const METRICS: [Metric; 1] = [Metric::new(
    OVER_LIMIT,
    MetricKind::Counter,
    Unit::Count,
    "Connections above the limit; probes among them are served.",
)];
const OVER_LIMIT: &str = "messaging_server_connections_over_limit_total";

/// Interval at which histograms are aggregated without scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder for this process.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS)?.build_recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).context("a metrics recorder is already installed")?;
        telemetry::describe(telemetry::METRICS);
        telemetry::describe(messaging_axum::METRICS);
        telemetry::describe(EmbeddedChannels::METRICS);
        telemetry::describe(&METRICS);
        let upkeep = handle.clone();
        tokio::spawn(async move {
            loop {
                sleep(UPKEEP).await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self(handle))
    }
}

/// Counts a connection above the limit.
pub(crate) fn connection_over_limit() {
    ::metrics::counter!(OVER_LIMIT).increment(1);
}

/// `GET /metrics`: metrics of this process, and the backlog as of the last successful health check.
pub(crate) async fn show(
    State(messaging): State<Messaging>,
    State(metrics): State<Metrics>,
) -> impl IntoResponse {
    // Updates the gauges.
    messaging.operations().recent_health().await.ok();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.0.render())
}
