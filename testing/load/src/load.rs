//! A closed loop: each connection makes its next call when the previous one is answered.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;

use crate::{
    ground::Ground,
    http::Connection,
    process::Usage,
    report::{Latencies, Line, Reference},
    scenario::{Scenario, Turn},
};

/// The sums of several turns.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) latencies: Latencies,
    pub(crate) errors: u64,
    pub(crate) took: Duration,
    pub(crate) usage: Usage,
    /// The server's memory after each turn, in MiB.
    pub(crate) memory: Vec<f64>,
}

impl Measured {
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.add(other.latencies);
        self.errors += other.errors;
        self.took += other.took;
        self.usage = self.usage.plus(other.usage);
        self.memory.extend(other.memory);
    }

    pub(crate) fn line(
        mut self,
        scenario: Scenario,
        connections: usize,
        ground: &Ground,
        reference: Option<&Reference>,
    ) -> Line {
        let per_second = self.latencies.len() as f64 / self.took.as_secs_f64();
        let p50 = self.latencies.quantile(0.5);
        Line {
            scenario: scenario.name(),
            messages: ground.scale().messages(),
            connections,
            seconds: self.took.as_secs_f64(),
            per_second,
            p50_ms: p50,
            p99_ms: self.latencies.quantile(0.99),
            errors: self.errors,
            cores: self.usage.per_second(self.took),
            server_mib_at_start: ground.server_memory_at_start(),
            server_mib: ground.server_memory(),
            server_mib_by_turn: self.memory,
            ratio: reference.map(|it| per_second / it.per_second()),
            p50_ratio: reference.map(|it| p50 / it.mean_ms()),
            reference_per_second: reference.map(Reference::per_second),
            reference_mean_ms: reference.map(Reference::mean_ms),
            rate: None,
            bytes_per_socket: None,
        }
    }
}

pub(crate) async fn run(
    ground: &Ground,
    scenario: Scenario,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Measured> {
    let host = ground.host();
    let opened = try_join_all((0..connections).map(|_| Connection::open(host))).await?;
    let middles = match scenario {
        Scenario::HistoryDeep => ground.middles().await?,
        _ => Vec::new(),
    };
    let before = ground.usage();
    let begun = Instant::now();
    let until = begun + time;
    let tasks = opened.into_iter().enumerate().map(|(at, mut connection)| {
        let (scale, middles) = (ground.scale(), middles.clone());
        let mut random = Random::new(ground.next_seed());
        tokio::spawn(async move {
            let (mut latencies, mut errors, mut n) = (Latencies::default(), 0, 0);
            while Instant::now() < until {
                let turn = Turn {
                    connection: at,
                    n,
                    scale,
                    random: random.next(),
                    middles: &middles,
                };
                let answered = connection.call(scenario.call(turn)).await?;
                if answered.status.is_success() {
                    latencies.push(answered.after);
                } else {
                    errors += 1;
                }
                n += 1;
            }
            anyhow::Ok((latencies, errors))
        })
    });
    let mut measured = Measured::default();
    for ended in try_join_all(tasks).await.context("a connection's task")? {
        let (latencies, errors) = ended?;
        measured.latencies.add(latencies);
        measured.errors += errors;
    }
    measured.took = begun.elapsed();
    measured.usage = ground.usage().minus(before);
    measured.memory.extend(ground.server_memory());
    Ok(measured)
}

/// A uniform pseudo-random generator with the same sequence for the same seed: xorshift64*.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 1
    }
}
