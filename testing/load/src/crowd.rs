//! A backlog of many conversations, and many processes on one database.
//!
//! ```text
//! crowd.sql: in each conversation an event to publish, and an e-mail to each side due
//!   │
//!   ├─ processes: each a store with connections of its own, and the workers ─> Transport, which counts
//!   └─ a sender in one of them: how long a message takes meanwhile, and until its event is published
//! ```
//!
//! The processes share this process, so that many fit on one machine. The transport answers after a given time, as
//! Pusher and a mail server would.

use std::{
    collections::{HashMap, hash_map::Entry},
    ops::AddAssign as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use messaging_core::{
    Actor, Body, DigestPolicy, IdempotencyKey, Messaging, Role, SendMessage,
    event::{self, ChannelName, Event},
    host::{HostError, presence::Presence},
    id::{ConversationId, DigestId, UserId},
    transport::{
        TransportError,
        channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
        mailer::{Digest, Mailer},
        realtime::{Limits, Realtime},
    },
};
use messaging_sqlx::{PgOptions, PgStore};
use messaging_testkit::fake::FakeDirectory;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

use crate::{ground, process, report::Latencies, scenario};

const SEED: &str = include_str!("crowd.sql");

/// The number of further conversations, in which nothing is due.
const QUIET: u64 = 1_000;

/// Measures how many processes on one database publish and mail a backlog, and what they cost when idle.
#[derive(Debug, clap::Args)]
pub(crate) struct Crowd {
    /// The number of conversations with something due.
    #[arg(long, default_value_t = 1_000_000)]
    conversations: u64,
    /// The number of processes.
    #[arg(long, default_value_t = 50)]
    processes: u32,
    /// How many of them publish and mail; the others only serve requests.
    #[arg(long)]
    workers: Option<u32>,
    /// The maximum number of connections of each process.
    #[arg(long, default_value_t = 5)]
    connections: u32,
    /// How long the realtime server takes to accept a batch, in milliseconds.
    #[arg(long, default_value_t = 20)]
    publish_ms: u64,
    /// How long the mail server takes to accept an e-mail, in milliseconds.
    #[arg(long, default_value_t = 50)]
    mail_ms: u64,
    /// The time between two printed lines, in seconds.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// How long to observe the idle processes afterwards, in seconds.
    #[arg(long, default_value_t = 30)]
    idle: u64,
    /// Settings of PostgreSQL that differ from its defaults.
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::args::setting)]
    postgres: Vec<(String, String)>,
}

/// A realtime and mail server that counts what it accepts.
#[derive(Clone)]
struct Transport {
    counted: Arc<Mutex<Counted>>,
    publish: Duration,
    mail: Duration,
}

#[derive(Default)]
struct Counted {
    /// How often the due event of a conversation was published, by its channel.
    published: HashMap<ChannelName, u32>,
    /// The e-mails to each user.
    mails: HashMap<UserId, Mails>,
    /// What to do when the event of a message is published, by its key.
    awaited: HashMap<String, Box<dyn FnOnce() + Send>>,
}

/// The e-mails to a user.
struct Mails {
    first: DigestId,
    /// How often it was repeated: after a time-out, its result being unknown.
    repeated: u32,
    /// The number of other e-mails.
    others: u32,
}

impl Transport {
    fn new(args: &Crowd) -> Self {
        Self {
            counted: Arc::default(),
            publish: Duration::from_millis(args.publish_ms),
            mail: Duration::from_millis(args.mail_ms),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> Served {
        let counted = self.counted();
        Served {
            conversations: counted.published.len() as u64,
            users: counted.mails.len() as u64,
        }
    }

    /// Checks that everything was due and served. Prints how much was repeated.
    fn check(&self, due: Served) -> anyhow::Result<()> {
        ensure!(self.served() == due, "expected {due:?}: {:?}", self.served());
        let counted = self.counted();
        println!(
            "published more than once: {}, e-mails repeated: {}",
            counted.published.values().filter(|count| **count > 1).count(),
            counted.mails.values().map(|mails| mails.repeated).sum::<u32>()
        );
        let mailed_again = counted.mails.values().filter(|mails| mails.others > 0).count();
        ensure!(mailed_again == 0, "{mailed_again} users had a second e-mail");
        Ok(())
    }
}

impl Channels for Transport {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, TransportError> {
        unreachable!("nobody subscribes")
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        unreachable!("there are no webhooks")
    }
}

#[async_trait]
impl Realtime for Transport {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 10,
            data_bytes: 10_240,
        }
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        sleep(self.publish).await;
        let mut counted = self.counted();
        // Each message is one event to its conversation's channel, and one to each user's.
        let to_conversations = batch.iter().filter(|event| {
            event.name == event::name::NEW_MESSAGE && event.channel.as_str().contains("-conversation-")
        });
        for event in to_conversations {
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            match data["clientMessageId"].as_str() {
                None => counted
                    .published
                    .entry(event.channel.clone())
                    .or_default()
                    .add_assign(1),
                Some(key) => {
                    if let Some(heard) = counted.awaited.remove(key) {
                        heard();
                    }
                }
            }
        }
        Ok(())
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        Ok(())
    }
}

#[async_trait]
impl Mailer for Transport {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        sleep(self.mail).await;
        match self.counted().mails.entry(digest.user_id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Mails {
                    first: digest.id,
                    repeated: 0,
                    others: 0,
                });
            }
            Entry::Occupied(mut entry) if entry.get().first == digest.id => entry.get_mut().repeated += 1,
            Entry::Occupied(mut entry) => entry.get_mut().others += 1,
        }
        Ok(())
    }
}

/// All users are away.
struct Away;

#[async_trait]
impl Presence for Away {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

/// A process: requests, and workers if it publishes, on a store of its own.
fn start(
    url: &str,
    args: &Crowd,
    publishes: bool,
    transport: &Transport,
    running: &mut JoinSet<()>,
) -> anyhow::Result<Messaging> {
    let options = PgOptions::default().with_max_connections(args.connections);
    let store = PgStore::from_url(url, &options)?;
    let (messaging, workers) = Messaging::builder(store, FakeDirectory::new())
        .realtime(transport.clone())
        .presence(Away)
        .digests(transport.clone(), DigestPolicy::default())
        .build()?;
    if publishes {
        running.spawn(workers.run(std::future::pending()));
    }
    Ok(messaging)
}

pub(crate) async fn run(args: &Crowd) -> anyhow::Result<()> {
    let database = ground::start_database(args.postgres.clone()).await?;
    let url = database.url("postgres");
    PgStore::from_url(&url, &PgOptions::default())?.migrate().await?;
    let agents = args.conversations.div_ceil(100);
    let seed = SEED
        .replace("$conversations", &args.conversations.to_string())
        .replace("$quiet", &QUIET.to_string())
        .replace("$agents", &agents.to_string());
    let mut observer = Observer {
        database_pid: ground::fill(&url, &seed).await?,
        connection: PgConnection::connect(&url).await?,
    };

    let transport = Transport::new(args);
    let mut running = JoinSet::new();
    let mut processes = Vec::new();
    for n in 0..args.processes {
        let publishes = args.workers.is_none_or(|workers| n < workers);
        processes.push(start(&url, args, publishes, &transport, &mut running)?);
    }
    let sender = processes.last().context("there is no process")?.clone();
    let sends = Sends::default();
    running.spawn(send(sender, transport.clone(), args.conversations, sends.clone()));

    let due = Served {
        conversations: args.conversations,
        users: args.conversations + agents,
    };
    println!("{}", Observed::HEADER);
    let mut last = observer.observe(&transport).await?;
    let begun = last.at;
    let mut idle_since = None;
    while idle_since.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(args.idle)) {
        sleep(Duration::from_secs(args.every)).await;
        let now = observer.observe(&transport).await?;
        println!("{}", now.line(begun, &last, &sends));
        if idle_since.is_none()
            && now.served.conversations >= due.conversations
            && now.served.users >= due.users
        {
            idle_since = Some(Instant::now());
        }
        last = now;
    }
    running.shutdown().await;
    tokio::task::spawn_blocking(move || drop(database)).await?;
    transport.check(due)
}

/// What the transport has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Served {
    conversations: u64,
    users: u64,
}

struct Observer {
    database_pid: u32,
    connection: PgConnection,
}

/// The counts at a point in time.
struct Observed {
    at: Instant,
    served: Served,
    transactions: i64,
    database: f64,
    processes: f64,
}

impl Observer {
    async fn observe(&mut self, transport: &Transport) -> anyhow::Result<Observed> {
        let transactions = "SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database";
        let transactions = sqlx::query_scalar(transactions)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(Observed {
            at: Instant::now(),
            served: transport.served(),
            transactions,
            database: process::cpu_of_family(self.database_pid),
            processes: process::cpu(std::process::id()),
        })
    }
}

impl Observed {
    const HEADER: &str = "| s | published | e-mails | published, e-mails, transactions a second | cores: database, processes | messages: p50, p99 ms | events: p50, p99 ms | failed |\n|--:|--:|--:|---|---|---|---|--:|";

    fn line(&self, begun: Instant, last: &Self, sends: &Sends) -> String {
        let seconds = (self.at - last.at).as_secs_f64();
        let rate = |now: f64, then: f64| (now - then) / seconds;
        let (mut sent, mut heard, failed) = sends.take();
        format!(
            "| {:.0} | {} | {} | {:.0}, {:.0}, {:.0} | {:.2}, {:.2} | {:.1}, {:.1} | {:.1}, {:.1} | {failed} |",
            (self.at - begun).as_secs_f64(),
            self.served.conversations,
            self.served.users,
            rate(self.served.conversations as f64, last.served.conversations as f64),
            rate(self.served.users as f64, last.served.users as f64),
            rate(self.transactions as f64, last.transactions as f64),
            rate(self.database, last.database),
            rate(self.processes, last.processes),
            sent.quantile(0.5),
            sent.quantile(0.99),
            heard.quantile(0.5),
            heard.quantile(0.99),
        )
    }
}

/// The delays of the messages that are sent meanwhile: until the answer, and until the event is published.
#[derive(Clone, Default)]
struct Sends(Arc<Mutex<(Latencies, Latencies, u64)>>);

impl Sends {
    fn record(&self, add: impl FnOnce(&mut (Latencies, Latencies, u64))) {
        add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> (Latencies, Latencies, u64) {
        let mut taken = (Latencies::default(), Latencies::default(), 0);
        self.record(|sends| std::mem::swap(sends, &mut taken));
        taken
    }
}

/// Sends ten messages a second, each in another conversation with nothing due.
async fn send(messaging: Messaging, transport: Transport, first: u64, sends: Sends) {
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0_u64.. {
        ticks.tick().await;
        let conversation = first + n % QUIET;
        let begun = Instant::now();
        let key = Uuid::new_v4().simple().to_string();
        let heard = sends.clone();
        transport.counted().awaited.insert(
            key.clone(),
            Box::new(move || heard.record(|sends| sends.1.push(begun.elapsed()))),
        );
        let sent = say(&messaging, conversation, &key).await;
        sends.record(|sends| match sent {
            Ok(()) => sends.0.push(begun.elapsed()),
            Err(_) => sends.2 += 1,
        });
    }
}

async fn say(messaging: &Messaging, conversation: u64, key: &str) -> anyhow::Result<()> {
    let client = Actor::new(UserId::parse(scenario::client(conversation))?, Role::Client);
    let id = ConversationId::new(scenario::id(conversation));
    let message = SendMessage::new(
        id,
        Body::parse("Is the hut open in May? We would be four, and a dog.")?,
    )
    .with_idempotency_key(IdempotencyKey::parse(key)?);
    messaging.send_message(&client, &message).await?;
    Ok(())
}
