//! What is counted of the connections.

use messaging_core::telemetry::{
    Metric,
    MetricKind::{Counter, Gauge},
};
use metrics::{Unit, counter, gauge};

const CONNECTIONS: &str = "messaging_connections";
const REFUSED: &str = "messaging_connections_refused_total";

/// Every metric of the embedded channels.
pub(super) const METRICS: &[Metric] = &[
    Metric::new(
        CONNECTIONS,
        Gauge,
        Unit::Count,
        "Open WebSockets, of this process.",
    ),
    Metric::new(
        REFUSED,
        Counter,
        Unit::Count,
        "WebSockets that were refused because there are as many as may be.",
    ),
];

/// Somebody came, and was let in or not.
pub(super) fn opened(is_let_in: bool) {
    if is_let_in {
        gauge!(CONNECTIONS).increment(1);
    } else {
        counter!(REFUSED).increment(1);
    }
}

pub(super) fn closed() {
    gauge!(CONNECTIONS).decrement(1);
}
