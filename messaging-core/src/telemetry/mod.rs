//! What is counted: through the [`metrics`] facade, to whatever recorder the host has installed, and to nothing where
//! it has none.
//!
//! No label holds an id, a name or a text: each has a few values, which are known beforehand. Tell the recorder what
//! the metrics mean with [`describe`], and set its buckets for what is measured in seconds.

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

/// A metric: what it is called, and what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// What its values are.
    pub unit: Unit,
    /// Its labels, each with all the values that it can have.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// What it tells.
    pub description: &'static str,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, from zero when the process starts.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is a distribution.
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

    /// With these labels.
    pub const fn labelled(mut self, labels: &'static [(&'static str, &'static [&'static str])]) -> Self {
        self.labels = labels;
        self
    }
}

/// Tells the recorder what metrics mean: [`METRICS`], and those of the other crates.
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
