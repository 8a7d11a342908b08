//! Four processes on one database, each with its own pool and relay, send the same messages concurrently: a
//! response to one of them holds for all.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use futures_util::TryStreamExt as _;
use messaging_core::{
    ConversationId,
    store::{Backlog, ConversationStore as _, Direction, HistoryScan, OutboxStore as _},
    verify::{ConversationRange, verify},
};
use messaging_sqlx::{PgOptions, PgStore};
use messaging_test_postgres::{Database, PgServer};
use messaging_testkit::{make::limit, recount};
use sqlx::{Connection as _, PgConnection};

const PROCESSES: u64 = 4;
/// The number of sends in each test, by all processes together.
const SENDS: u64 = 10_000;

/// The participants: each client has a conversation with each agency.
struct Participants {
    clients: u64,
    agencies: u64,
}

/// A send: its sender and its key.
type Send = (String, String);

/// The message of a send: its seq and its id.
type Message = (u64, String);

/// The responses to the processes.
#[derive(Default)]
struct Answers {
    /// The message of each send, by conversation.
    sent: BTreeMap<String, BTreeMap<Send, Message>>,
    /// The numbers of sends that stored their message, and that found it stored.
    made: u64,
    repeated: u64,
    /// The number of sends refused because of a block.
    refused: u64,
}

/// A `storm-process`. It is killed when this is dropped.
struct Process {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

#[tokio::test]
async fn over_few_conversations() {
    let participants = Participants {
        clients: 4,
        agencies: 2,
    };
    let answers = storm(&participants).await;
    assert!(answers.refused > 0, "no send was refused during a block");
}

#[tokio::test]
async fn over_many_conversations() {
    let participants = Participants {
        clients: 50,
        agencies: 40,
    };
    storm(&participants).await;
}

/// Runs the processes, and recounts.
#[expect(clippy::print_stdout, reason = "the counts are shown with --nocapture")]
async fn storm(participants: &Participants) -> Answers {
    let database = Database::create(PgServer::shared()).await;
    let mut processes: Vec<_> = (0..PROCESSES)
        .map(|n| Process::start(database.url(), n, participants))
        .collect();
    for process in &mut processes {
        process.begin();
    }
    let output: Vec<_> = thread::scope(|scope| {
        let ends: Vec<_> = processes
            .into_iter()
            .map(|process| scope.spawn(|| process.end()))
            .collect();
        ends.into_iter().map(|end| end.join().unwrap()).collect()
    });
    let mut answers = Answers::default();
    output.iter().flatten().for_each(|line| answers.add(line));
    assert_eq!(answers.made + answers.repeated + answers.refused, SENDS);
    assert!(answers.repeated > SENDS / 3, "{} were repeated", answers.repeated);

    let store = PgStore::from_url(database.url(), &PgOptions::default()).unwrap();
    let found: Vec<_> = verify(&store, ConversationRange::all())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(found, []);
    let recounted = recount(&store).await.unwrap();
    recounted.assert_clean();
    // Each message was stored once, and every stored message was acknowledged.
    assert_eq!(recounted.messages() as u64, answers.made);
    for (id, sent) in &answers.sent {
        let stored = stored(&store, ConversationId::parse(id).unwrap()).await;
        assert_eq!(stored, *sent, "{id}");
        let seqs: BTreeSet<_> = stored.values().map(|(seq, _)| *seq).collect();
        assert!(seqs.into_iter().eq(1..=stored.len() as u64), "{id}");
    }
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    println!(
        "{} conversations: {} sends made a message, {} were repetitions, {} were refused, {} lost a race",
        recounted.conversations(),
        answers.made,
        answers.repeated,
        answers.refused,
        rolled_back(database.url()).await,
    );
    store.close().await;
    answers
}

/// Returns the number of rolled back statements, each due to a key that another process had just used.
async fn rolled_back(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rolled_back = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(rolled_back)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// Returns the messages of a conversation, by sender and key.
async fn stored(store: &PgStore, conversation_id: ConversationId) -> BTreeMap<Send, Message> {
    let mut messages = BTreeMap::new();
    let mut last = 0;
    loop {
        let scan = HistoryScan::new(conversation_id, Direction::After(last), limit(100));
        let page = store.list_messages(&scan).await.unwrap().unwrap();
        for message in page.rows.into_iter().map(|row| row.message) {
            last = message.seq;
            let sender = message.origin.sender().unwrap().to_string();
            let key = message.idempotency_key.unwrap().as_str().to_owned();
            messages.insert((sender, key), (message.seq, message.id.to_string()));
        }
        if !page.has_more {
            return messages;
        }
    }
}

impl Answers {
    fn add(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["blocked", ..] => self.refused += 1,
            ["sent", conversation, sender, key, seq, id, created] => {
                let message = (seq.parse().unwrap(), id.to_owned());
                let sent = self.sent.entry(conversation.to_owned()).or_default();
                let by = (sender.to_owned(), key.to_owned());
                let first = sent.entry(by).or_insert_with(|| message.clone());
                assert_eq!(*first, message, "{line}");
                match created {
                    "true" => self.made += 1,
                    _ => self.repeated += 1,
                }
            }
            _ => panic!("{line}"),
        }
    }
}

impl Process {
    /// Starts a process, which waits for its start line.
    fn start(url: &str, number: u64, Participants { clients, agencies }: &Participants) -> Self {
        let numbers = [number, *clients, *agencies, SENDS / PROCESSES];
        let mut child = Command::new(env!("CARGO_BIN_EXE_storm-process"))
            .arg(url)
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, says };
        let ready = process.says.next().unwrap().unwrap();
        assert_eq!(ready, "ready");
        process
    }

    fn begin(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "begin").unwrap();
    }

    /// Returns its output until its successful end.
    fn end(mut self) -> Vec<String> {
        let output = self.says.by_ref().map(Result::unwrap).collect();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a process ended with {status}");
        output
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
