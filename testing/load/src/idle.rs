//! WebSockets that only listen: their memory, and the cost of one message beside them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    args::Args,
    channels::{self, Socket},
    ground::Ground,
    http::Connection,
    load::Measured,
    report::{Latencies, Line},
    scenario::{self, Scenario, client, id},
};

/// The number of concurrent connection attempts.
const AT_ONCE: usize = 50;
/// The number of messages sent during the measurement.
const MESSAGES: u64 = 200;

pub(crate) async fn measure(ground: &Ground, args: &Args) -> anyhow::Result<Line> {
    let mut connection = Connection::open(ground.host()).await?;
    let url = channels::url(&mut connection).await?;
    let before = ground.server_memory();
    let conversations = ground.scale().conversations;
    let sockets: Vec<Socket> = stream::iter(0..args.sockets as u64)
        .map(async |n| {
            let mut connection = Connection::open(ground.host()).await?;
            let user = client(n % conversations);
            let channels = [format!("private-user-{user}")];
            Socket::subscribed(&mut connection, &url, &user, &channels).await
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let after = ground.server_memory();
    let channels = [format!("private-conversation-{}", id(0))];
    let agent = scenario::agent(0, ground.scale());
    let mut listener = Socket::subscribed(&mut connection, &url, &agent, &channels).await?;
    let used = ground.usage();
    let begun = Instant::now();
    let mut latencies = Latencies::default();
    for _ in 0..MESSAGES {
        let begun = Instant::now();
        let answered = connection.call(scenario::send(0)).await?;
        anyhow::ensure!(answered.status.is_success(), "a message was refused");
        let told = async {
            while listener.event().await?["event"] != "new-message" {}
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(10), told)
            .await
            .context("a message was not delivered")??;
        latencies.push(begun.elapsed());
    }
    let took = begun.elapsed();
    let usage = ground.usage().minus(used);
    let bytes = before
        .zip(after)
        .map(|(before, after)| (after - before) * 1024.0 * 1024.0 / sockets.len().max(1) as f64);
    let measured = Measured {
        latencies,
        took,
        usage,
        ..Measured::default()
    };
    Ok(Line {
        server_mib: after,
        bytes_per_socket: bytes,
        ..measured.line(Scenario::Idle, sockets.len(), ground, None)
    })
}
