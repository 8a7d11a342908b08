//! One of several processes on one database, for `tests/consistency/many_processes.rs`: sends, repeats sends,
//! reads, blocks and publishes, and prints the results.
//!
//! `storm-process URL PROCESS CLIENTS AGENCIES SENDS` begins when it receives a line, and prints a line for
//! each send: `sent CONVERSATION SENDER KEY SEQ ID CREATED`, or `blocked CONVERSATION SENDER KEY`.

use std::{
    collections::BTreeMap,
    env,
    fmt::Display,
    io::{self, Write as _},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use messaging_core::{
    Actor, ConversationId, ErrorKind, HistoryRequest, HostOpen, ListRequest, Messaging, SendMessage, Sent,
    host::rate_limit::Unlimited, participant::MarkOnRead,
};
use messaging_sqlx::{PgOptions, PgStore};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent, agent_user_id, body, client, client_id, key, limit},
};
use tokio::{sync::oneshot, task::JoinSet};

/// The number of concurrent tasks in each process.
const TASKS: usize = 4;
/// The first of the keys that only one process uses; those of each process begin at a multiple of it.
const OWN_KEYS: u64 = 1_000_000;
/// The maximum number of attempts of a send without a response.
const MAX_ATTEMPTS: usize = 1_000;

struct Storm {
    messaging: Messaging,
    process: u64,
    clients: u64,
    agencies: u64,
    sends: u64,
    next: AtomicU64,
    opened: Mutex<BTreeMap<(u64, u64), ConversationId>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, numbers @ ..] = &arguments[..] else {
        panic!("URL PROCESS CLIENTS AGENCIES SENDS");
    };
    let numbers: Vec<u64> = numbers.iter().map(|number| parse(number)).collect();
    let [process, clients, agencies, sends] = numbers[..] else {
        panic!("URL PROCESS CLIENTS AGENCIES SENDS");
    };
    // All processes migrate the database concurrently.
    say(&"ready");
    let line = io::stdin().lines().next();
    line.expect("the start line arrives").expect("stdin is readable");
    let database = PgStore::from_url(url, &PgOptions::default()).expect("a URL");
    database.migrate().await.expect("concurrent migrations succeed");

    let (messaging, workers) = Messaging::builder(database.clone(), FakeDirectory::new())
        .rate_limiter(Unlimited)
        .build()
        .expect("the defaults are valid");
    let (stop, stopped) = oneshot::channel::<()>();
    let publishing = tokio::spawn(workers.run(async {
        stopped.await.ok();
    }));
    let storm = Arc::new(Storm {
        messaging,
        process,
        clients,
        agencies,
        sends,
        next: AtomicU64::new(0),
        opened: Mutex::default(),
    });
    let tasks: JoinSet<()> = (0..TASKS).map(|_| storm.clone().run()).collect();
    tasks.join_all().await;
    drop(stop);
    publishing.await.expect("the workers end");
    database.close().await;
}

impl Storm {
    async fn run(self: Arc<Self>) {
        loop {
            let step = self.next.fetch_add(1, Ordering::Relaxed);
            if step >= self.sends {
                return;
            }
            self.act(step).await;
        }
    }

    /// Two of four sends are the same in all processes, and one is sent twice concurrently.
    async fn act(&self, step: u64) {
        let message = match step % 4 {
            0 | 1 => step,
            _ => (self.process + 1) * OWN_KEYS + step / 4,
        };
        let client_number = 1 + chance(message, 1) % self.clients;
        let agency_number = 1 + chance(message, 2) % self.agencies;
        let id = self.open(client_number, agency_number).await;
        let mut sides = [client(client_number), agent(agency_number)];
        if chance(message, 3).is_multiple_of(2) {
            sides.reverse();
        }
        let [sender, other] = sides;
        self.send(&sender, id, message).await;
        match chance(step, 4 + self.process) % 64 {
            0..8 => self.read(&other, id).await,
            8..10 => self.list(&other).await,
            10 => self.block(&other, id).await,
            _ => {}
        }
    }

    /// Opens the conversation of a pair, unless this process has opened it.
    async fn open(&self, client: u64, agency: u64) -> ConversationId {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened().get(&(client, agency)).copied();
        if let Some(id) = known {
            return id;
        }
        let wish = HostOpen::new(&client_id(client), &agency_id(agency), &agent_user_id(agency));
        let plan = self
            .messaging
            .operations()
            .prepare_open(wish)
            .expect("the conversation opens");
        let id = self
            .messaging
            .operations()
            .open_prepared(&plan)
            .await
            .expect("opened")
            .id;
        let known = opened().insert((client, agency), id);
        assert!(
            known.is_none_or(|known| known == id),
            "a pair has two conversations"
        );
        id
    }

    async fn send(&self, sender: &Actor, conversation_id: ConversationId, message: u64) {
        let key_of = format!("key-{message}");
        let send = SendMessage::new(conversation_id, body(format!("message {message}")))
            .with_idempotency_key(key(&key_of));
        for _ in 0..MAX_ATTEMPTS {
            let by = sender.user_id();
            match self.messaging.send_message(sender, &send).await {
                Ok(Sent { message, created, .. }) => {
                    let (seq, id) = (message.row.message.seq, message.id());
                    say(&format_args!(
                        "sent {conversation_id} {by} {key_of} {seq} {id} {created}"
                    ));
                    return;
                }
                Err(error) if *error.kind() == ErrorKind::Blocked => {
                    say(&format_args!("blocked {conversation_id} {by} {key_of}"));
                    return;
                }
                Err(error) => assert!(is_busy(&error), "{error:?}"),
            }
        }
        panic!("{key_of} received no response");
    }

    /// Reads the newest page, and checks that it is from one snapshot.
    async fn read(&self, reader: &Actor, conversation_id: ConversationId) {
        let request = HistoryRequest::newest(conversation_id)
            .with_limit(limit(10))
            .with_mark(MarkOnRead::Yes);
        match self.messaging.history(reader, &request).await {
            Ok(page) => {
                let seqs = page.messages.iter().map(|message| message.row.message.seq);
                let first = seqs.clone().next().unwrap_or(1);
                assert!(seqs.eq(first..first + page.messages.len() as u64));
            }
            Err(error) => assert!(is_busy(&error), "{error:?}"),
        }
    }

    async fn list(&self, reader: &Actor) {
        let request = ListRequest::newest();
        let listed = self.messaging.list_conversations(reader, &request).await;
        listed.expect("the list succeeds");
        let counted = self.messaging.count_unread(reader).await;
        counted.expect("the total succeeds");
    }

    /// Blocks the other side briefly: concurrent sends were decided on an outdated state.
    async fn block(&self, reader: &Actor, id: ConversationId) {
        for done in [
            self.messaging.block(reader, id).await,
            self.messaging.unblock(reader, id).await,
        ] {
            if let Err(error) = done {
                assert!(is_busy(&error), "{error:?}");
            }
        }
    }
}

/// Whether the step may be repeated: it changed nothing, because it conflicted too often.
fn is_busy(error: &messaging_core::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable { .. })
}

/// Returns a pseudo-random number that is the same in every process.
fn chance(of: u64, salt: u64) -> u64 {
    // SplitMix64: good enough to mix steps.
    let mut mixed = of.wrapping_add(salt << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 8
}

fn parse<T: FromStr>(argument: &str) -> T {
    let parsed = argument.parse().ok();
    parsed.expect("the argument is a number")
}

fn say(line: &dyn Display) {
    writeln!(io::stdout(), "{line}").expect("stdout is open");
}
