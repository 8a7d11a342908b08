//! The load bench of the example server, with a comparison to its database alone.
//!
//! ```text
//! Ground ── PostgreSQL with durability on, filled by seed.sql ── the server, as a process of its own
//!   │
//!   ├─ scenario ── closed loop: connections that each wait for their answer ──┐
//!   │                                                                          ├─ taking turns ─> Line ─> table, JSON
//!   └─ reference ─ pgbench, the same number of clients, the store's own text ─┘
//! ```
//!
//! `delivery` sends at a rate instead, and measures until the frame arrives on a WebSocket; `idle` only
//! connects. `crowd` is a measurement of its own: a backlog, and many processes on one database. `docs/performance.md`
//! explains the results.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time, and finds cargo")]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of a run are far below 2^52"
)]

mod args;
mod channels;
mod crowd;
mod delivery;
mod ground;
mod http;
mod idle;
mod load;
mod process;
mod reference;
mod report;
mod scenario;

use anyhow::Context as _;
use clap::Parser as _;

use self::{
    args::{Args, Command},
    ground::Ground,
    report::{Line, Reference},
    scenario::Scenario,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(Command::Crowd(crowd)) = &args.command {
        return crowd::run(crowd).await;
    }
    let ground = Ground::prepare(&args).await?;
    let mut lines = Vec::new();
    for scenario in args.scenarios() {
        let measured = measure(&ground, &args, scenario).await;
        for line in measured.with_context(|| format!("{scenario:?}"))? {
            if args.json {
                println!("{}", serde_json::to_string(&line)?);
            }
            lines.push(line);
        }
    }
    if !args.json {
        println!("{}", report::table(&lines));
    }
    ground.finish(&args).await
}

async fn measure(ground: &Ground, args: &Args, scenario: Scenario) -> anyhow::Result<Vec<Line>> {
    match scenario {
        Scenario::Delivery => delivery::measure(ground, args).await,
        Scenario::Idle => Ok(vec![idle::measure(ground, args).await?]),
        looped => Ok(vec![beside_reference(ground, args, looped).await?]),
    }
}

/// The server and the database alone take turns, so that other load on the machine affects both.
async fn beside_reference(ground: &Ground, args: &Args, scenario: Scenario) -> anyhow::Result<Line> {
    let connections = scenario.connections(args.connections);
    let mut measured = load::Measured::default();
    let mut reference: Option<Reference> = None;
    load::run(ground, scenario, connections, args.turn() / 4).await?;
    for _ in 0..args.turns {
        measured.add(load::run(ground, scenario, connections, args.turn()).await?);
        ground.settle().await?;
        if args.no_reference {
            continue;
        }
        if let Some(found) = reference::run(ground, scenario, connections, args.turn()).await? {
            reference = Some(reference.unwrap_or_default().and(&found));
        }
    }
    Ok(measured.line(scenario, connections, ground, reference.as_ref()))
}
