//! Metrics of the embedded server.

use messaging_core::telemetry::{
    Metric,
    MetricKind::{Counter, Gauge},
};
use metrics::{Unit, counter, gauge};

const CONNECTIONS: &str = "messaging_connections";
const REFUSED: &str = "messaging_connections_refused_total";

/// All metrics of the embedded server.
pub(super) const METRICS: &[Metric] = &[
    Metric::new(
        CONNECTIONS,
        Gauge,
        Unit::Count,
        "Open WebSockets of this process.",
    ),
    Metric::new(
        REFUSED,
        Counter,
        Unit::Count,
        "WebSockets refused by the connection limit.",
    ),
];

/// Records an accepted WebSocket.
pub(super) fn opened() {
    gauge!(CONNECTIONS).increment(1);
}

/// Records a WebSocket refused by the connection limit.
pub(super) fn refused() {
    counter!(REFUSED).increment(1);
}

/// Records the end of an accepted WebSocket.
pub(super) fn closed() {
    gauge!(CONNECTIONS).decrement(1);
}
