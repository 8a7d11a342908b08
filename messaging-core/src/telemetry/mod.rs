//! Metrics, through the [`metrics`] facade: they go to the recorder that the host has installed, and nowhere without
//! one.
//!
//! No label contains an id, a name or a text: each has a few values, which are known in advance. Pass [`METRICS`] to
//! [`describe`] to describe them to the recorder, and set its buckets for metrics in seconds.

mod label;
mod record;
mod table;

pub(crate) use label::{
    CallOutcome, HostPart, Mailed, OpenOutcome, PushOutcome, RateLimited, ReportOutcome, RevocationOutcome,
    SendOutcome, SendRefusal, SentBy,
};
pub(crate) use record::{
    OutboxGauges, accepted, audited, called, dead_letter, host_failed, mailed, notified, opened, outbox,
    published, rate_limited, read, reported, retried, revoked, send_refused, sent,
};
pub use table::METRICS;

use metrics::Unit;

/// A metric: its name and its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// The metric's name.
    pub name: &'static str,
    /// How the metric's values change.
    pub kind: MetricKind,
    /// The unit of its values.
    pub unit: Unit,
    /// Its labels, each with all possible values.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// A sentence that describes the metric.
    pub description: &'static str,
}

/// How the values of a metric change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// The value only grows, from zero at the start of the process.
    Counter,
    /// The value can rise and fall.
    Gauge,
    /// The values form a distribution.
    Histogram,
}

impl Metric {
    /// A metric without labels.
    pub const fn new(name: &'static str, kind: MetricKind, unit: Unit, description: &'static str) -> Self {
        Self {
            name,
            kind,
            unit,
            labels: &[],
            description,
        }
    }

    /// Sets the labels.
    pub const fn labelled(mut self, labels: &'static [(&'static str, &'static [&'static str])]) -> Self {
        self.labels = labels;
        self
    }
}

/// Describes metrics to the recorder: [`METRICS`], and those of the other crates.
pub fn describe(metrics: &[Metric]) {
    for metric in metrics {
        let Metric {
            name,
            unit,
            description,
            ..
        } = *metric;
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(name, unit, description),
            MetricKind::Gauge => metrics::describe_gauge!(name, unit, description),
            MetricKind::Histogram => metrics::describe_histogram!(name, unit, description),
        }
    }
}
