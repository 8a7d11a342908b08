use std::time::Duration;

use clap::Parser;

use crate::scenario::Scenario;

/// Measures what the example server carries, beside what its database alone does.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// What to measure: all of them, unless said.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// For how long each is measured, in seconds; the reference takes as long.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// In how many turns.
    #[arg(long, default_value_t = 4)]
    pub(crate) turns: u32,
    /// How many connections send requests at the same time.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// How many messages there are beforehand, in conversations of 100.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// How many messages a second are sent while their delivery is measured.
    #[arg(long, default_values_t = [100, 500, 1000])]
    pub(crate) rate: Vec<u32>,
    /// How many WebSockets are idle.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) sockets: usize,
    /// A server with the same contract that runs already, and has the conversations: no reference is measured then.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Leaves out what the database does alone.
    #[arg(long)]
    pub(crate) no_reference: bool,
    /// A JSON object a line instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Recounts everything at the end.
    #[arg(long)]
    pub(crate) verify: bool,
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
