use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::{crowd::Crowd, scenario::Scenario};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Crowd(Crowd),
}

/// Measures the throughput and latency of the example server, and of its database alone.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The scenarios to measure; by default all of them.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// The duration of each scenario in seconds; its reference takes as long.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// The number of turns into which the duration is divided.
    #[arg(long, default_value_t = 4)]
    pub(crate) turns: u32,
    /// The number of connections that send requests concurrently.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// The number of messages in the database at the start, in conversations of 100.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// The rates, in messages per second, at which delivery is measured.
    #[arg(long, default_values_t = [100, 500, 1000])]
    pub(crate) rate: Vec<u32>,
    /// The number of idle WebSockets.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) sockets: usize,
    /// Settings of PostgreSQL that differ from its defaults, such as `shared_buffers=4GB`.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) postgres: Vec<(String, String)>,
    /// The URL of a running server with the same contract and data; no reference is measured then.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Does not measure the database alone.
    #[arg(long)]
    pub(crate) no_reference: bool,
    /// Prints a JSON object per line instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Verifies all counters at the end.
    #[arg(long)]
    pub(crate) verify: bool,
}

pub(crate) fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Args {
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        if self.scenario.is_empty() {
            return Scenario::ALL.to_vec();
        }
        self.scenario.clone()
    }

    pub(crate) fn turn(&self) -> Duration {
        Duration::from_secs(self.seconds) / self.turns.max(1)
    }
}
