//! The delay between a request and its answer, and between the request and the frame on a subscribed WebSocket, at a given
//! rate.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    args::Args,
    channels::{self, Socket},
    ground::Ground,
    http::Connection,
    load::Measured,
    report::{Latencies, Line},
    scenario::{self, Scenario, id},
};

/// The number of conversations, each with a subscriber.
const LISTENERS: u64 = 50;

/// The time of each undelivered message, by its key.
type Sent = Arc<Mutex<HashMap<String, Instant>>>;

pub(crate) async fn measure(ground: &Ground, args: &Args) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for rate in &args.rate {
        lines.extend(at_rate(ground, args, *rate).await?);
    }
    Ok(lines)
}

async fn at_rate(ground: &Ground, args: &Args, rate: u32) -> anyhow::Result<[Line; 2]> {
    let sent = Sent::default();
    let (heard, mut latencies_heard) = mpsc::unbounded_channel();
    let mut connection = Connection::open(ground.host()).await?;
    let url = channels::url(&mut connection).await?;
    for conversation in 0..LISTENERS {
        let channels = [format!("private-conversation-{}", id(conversation))];
        let user = scenario::agent(conversation, ground.scale());
        let socket = Socket::subscribed(&mut connection, &url, &user, &channels).await?;
        tokio::spawn(listen(socket, sent.clone(), heard.clone()));
    }
    let before = ground.usage();
    let begun = Instant::now();
    let senders = (0..args.connections).map(|_| Connection::open(ground.host()));
    let (free, mut idle) = mpsc::unbounded_channel();
    for sender in try_join_all(senders).await? {
        free.send(sender).ok();
    }
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let total = u64::from(rate) * args.seconds;
    let mut tasks = Vec::new();
    for n in 0..total {
        ticks.tick().await;
        let begun = Instant::now();
        let mut sender = idle.recv().await.context("no connection is left")?;
        let (sent, free) = (sent.clone(), free.clone());
        tasks.push(tokio::spawn(async move {
            let call = scenario::send(n % LISTENERS);
            let body: Value = serde_json::from_str(&call.body)?;
            let key = body["clientMessageId"]
                .as_str()
                .context("the message has no key")?
                .to_owned();
            lock(&sent).insert(key, begun);
            let answered = sender.call(call).await?;
            free.send(sender).ok();
            anyhow::Ok((begun.elapsed(), answered.status.is_success()))
        }));
    }
    let mut answers = Measured::default();
    for ended in try_join_all(tasks).await? {
        match ended? {
            (latency, true) => answers.latencies.push(latency),
            (_, false) => answers.errors += 1,
        }
    }
    let took = begun.elapsed();
    let usage = ground.usage().minus(before);
    let mut latencies = Latencies::default();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while latencies.len() as u64 + answers.errors < total {
        let Ok(Some(latency)) = tokio::time::timeout_at(deadline, latencies_heard.recv()).await else {
            break;
        };
        latencies.push(latency);
    }
    // An undelivered message counts as an error.
    let errors = total - latencies.len() as u64;
    let frames = Measured {
        latencies,
        errors,
        took,
        usage,
        ..Measured::default()
    };
    answers.took = took;
    answers.usage = usage;
    let line = |measured: Measured, scenario| Line {
        rate: Some(rate),
        ..measured.line(scenario, args.connections, ground, None)
    };
    Ok([line(answers, Scenario::Send), line(frames, Scenario::Delivery)])
}

async fn listen(mut socket: Socket, sent: Sent, heard: mpsc::UnboundedSender<Duration>) {
    while let Ok(event) = socket.event().await {
        let at = Instant::now();
        let Some(data) = event["data"].as_str().filter(|_| event["event"] == "new-message") else {
            continue;
        };
        let Ok(message) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        let Some(key) = message["clientMessageId"].as_str() else {
            continue;
        };
        let begun = lock(&sent).remove(key);
        if let Some(begun) = begun {
            heard.send(at.duration_since(begun)).ok();
        }
    }
}

fn lock(sent: &Sent) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}
