//! The printed results.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::process::Cores;

/// The result of a scenario.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) scenario: &'static str,
    /// The number of messages at the start.
    pub(crate) messages: u64,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) errors: u64,
    /// CPU seconds per second.
    pub(crate) cores: Cores,
    /// The server's resident memory after its start and at the end, in MiB.
    pub(crate) server_mib_at_start: Option<f64>,
    pub(crate) server_mib: Option<f64>,
    /// The server's resident memory after each turn, in MiB.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) server_mib_by_turn: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_mean_ms: Option<f64>,
    /// The throughput relative to the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    /// The median relative to the mean of the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ratio: Option<f64>,
    /// The requested rate in messages per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_socket: Option<f64>,
}

/// The sums of pgbench's turns.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reference {
    pub(crate) transactions: f64,
    pub(crate) seconds: f64,
    pub(crate) clients: f64,
}

impl Reference {
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            transactions: self.transactions + other.transactions,
            seconds: self.seconds + other.seconds,
            clients: other.clients,
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.transactions / self.seconds
    }

    pub(crate) fn mean_ms(&self) -> f64 {
        1000.0 * self.clients / self.per_second()
    }
}

/// The durations of calls.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn add(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a quantile in milliseconds; 0 without any calls.
    pub(crate) fn quantile(&mut self, q: f64) -> f64 {
        self.0.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index below the length"
        )]
        let at = (q * self.0.len().saturating_sub(1) as f64).round() as usize;
        self.0.get(at).map_or(0.0, |it| it.as_secs_f64() * 1000.0)
    }
}

pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = String::from(
        "| scenario | messages | conn. | a second | p50 ms | p99 ms | errors | pgbench | ratio | p50 ratio | server MiB | cores: server, database, bench |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for line in lines {
        let name = match (line.rate, line.bytes_per_socket) {
            (Some(rate), _) => format!("{} at {rate}/s", line.scenario),
            (None, Some(bytes)) => format!("{}, {:.1} KiB each", line.scenario, bytes / 1024.0),
            (None, None) => line.scenario.to_owned(),
        };
        let or_dash = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        };
        writeln!(
            table,
            "| {name} | {} | {} | {:.0} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {:.2}, {:.2}, {:.2} |",
            line.messages,
            line.connections,
            line.per_second,
            line.p50_ms,
            line.p99_ms,
            line.errors,
            or_dash(line.reference_per_second, 0),
            or_dash(line.ratio, 2),
            or_dash(line.p50_ratio, 2),
            or_dash(line.server_mib, 0),
            line.cores.server,
            line.cores.database,
            line.cores.bench,
        )
        .expect("writing to a string succeeds");
    }
    table
}
