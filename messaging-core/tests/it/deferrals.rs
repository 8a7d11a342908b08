//! A mail server that defers a single recipient is a problem of that recipient; a server that defers all of
//! them is down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Body, ConversationId, DigestPolicy, HostOpen, Messaging, SendMessage, UserId, Workers,
    clock::ManualClock,
    memory::MemoryStore,
    transport::mailer::{Digest, Mailer},
    transport::{TransportError, TransportErrorKind},
};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent_user_id, client, client_id},
};

use crate::support::{AllOffline, OtherIds, offline_builder};

const MINUTE: Duration = Duration::from_mins(1);
const FULL_MAILBOX: u64 = 1;
const USERS: u64 = 5;

/// A mail server that defers the given recipients.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    deferred: BTreeSet<UserId>,
    /// The pause that the server requests.
    retry_after: Option<Duration>,
    tries: BTreeMap<UserId, u32>,
    accepted: Vec<(UserId, u64)>,
    log: Vec<LogEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogEntry {
    Accepted,
    Deferred,
    /// The process restarted; the server is not involved.
    Restarted,
}

/// Counts the deferrals of the single deferred user that follow an e-mail accepted since the previous
/// deferral.
fn counted_deferrals(log: &[LogEntry]) -> usize {
    let between = log.split(|entry| *entry == LogEntry::Deferred).skip(1);
    let counts =
        |part: &&[LogEntry]| part.contains(&LogEntry::Accepted) && !part.contains(&LogEntry::Restarted);
    // The last part follows the last deferral, and precedes none.
    let all = between.collect::<Vec<_>>();
    all.iter().rev().skip(1).filter(|part| counts(part)).count()
}

#[async_trait]
impl Mailer for Server {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let mut state = self.0.lock().unwrap();
        *state.tries.entry(digest.user_id.clone()).or_default() += 1;
        if state.deferred.contains(&digest.user_id) {
            state.log.push(LogEntry::Deferred);
            let retry_after = state.retry_after;
            return Err(TransportError::new(
                TransportErrorKind::Deferred { retry_after },
                "simulated failure",
            ));
        }
        state.log.push(LogEntry::Accepted);
        state.accepted.push((digest.user_id.clone(), digest.messages));
        Ok(())
    }
}

impl Server {
    fn set_deferred(&self, users: impl IntoIterator<Item = u64>) {
        self.0.lock().unwrap().deferred = users.into_iter().map(agent_user_id).collect();
    }

    fn tries(&self, user: u64) -> u32 {
        let state = self.0.lock().unwrap();
        state.tries.get(&agent_user_id(user)).copied().unwrap_or(0)
    }

    /// Returns the mailed users since the last call, and the number of messages in each e-mail.
    fn accepted(&self) -> BTreeMap<UserId, u64> {
        std::mem::take(&mut self.0.lock().unwrap().accepted)
            .into_iter()
            .collect()
    }
}

struct Fixture {
    store: MemoryStore,
    messaging: Messaging,
    workers: Workers,
    clock: ManualClock,
    server: Server,
}

impl Fixture {
    /// Three counted deferrals are final: the messages then count as mailed.
    fn new() -> Self {
        let (store, clock, server) = (MemoryStore::new(), ManualClock::new(), Server::default());
        let (messaging, workers) = offline_builder(store.clone(), FakeDirectory::new(), &clock)
            .digests(server.clone(), DigestPolicy::default().with_deferrals(3))
            .build()
            .unwrap();
        Self {
            store,
            messaging,
            workers,
            clock,
            server,
        }
    }

    /// Another process on the same store, as after a restart.
    fn restart(&mut self) {
        let (_, workers) = Messaging::builder(self.store.clone(), FakeDirectory::new())
            .digests(self.server.clone(), DigestPolicy::default().with_deferrals(3))
            .presence(AllOffline)
            .clock(self.clock.clone())
            .ids(OtherIds::new(1))
            .build()
            .unwrap();
        self.workers = workers;
        self.server.0.lock().unwrap().log.push(LogEntry::Restarted);
    }

    async fn open(&self, n: u64) -> ConversationId {
        let open = HostOpen::new(&client_id(n), &agency_id(n), &agent_user_id(n));
        let plan = self.messaging.operations().prepare_open(open).unwrap();
        self.messaging.operations().open_prepared(&plan).await.unwrap().id
    }

    /// Client `n` sends a message to agent `n`.
    async fn send(&self, n: u64) {
        let send = SendMessage::new(self.open(n).await, Body::parse("hello").unwrap());
        self.messaging.send_message(&client(n), &send).await.unwrap();
    }

    async fn after(&self, pause: Duration) {
        self.clock.advance(pause);
        self.workers.digests().unwrap().step().await.unwrap();
    }

    /// A day in which another user receives an e-mail each hour.
    async fn day(&self) {
        for _ in 0..24 {
            self.send(USERS + 1).await;
            self.after(30 * MINUTE).await;
            self.after(30 * MINUTE).await;
        }
        assert!(self.server.accepted().contains_key(&agent_user_id(USERS + 1)));
    }

    fn counted_deferrals(&self) -> usize {
        counted_deferrals(&self.server.0.lock().unwrap().log)
    }
}

#[tokio::test]
async fn a_server_that_defers_all_recipients_loses_no_digest() {
    let fixture = Fixture::new();
    fixture.server.set_deferred(1..=USERS);
    for user in 1..=USERS {
        fixture.send(user).await;
    }
    // Two weeks.
    for _ in 0..14 * 24 {
        fixture.after(60 * MINUTE).await;
    }
    assert_eq!(fixture.server.accepted(), BTreeMap::new());
    fixture.server.set_deferred([]);
    // The longest pause is four hours.
    for _ in 0..5 {
        fixture.after(60 * MINUTE).await;
    }
    let all = (1..=USERS).map(|user| (agent_user_id(user), 1)).collect();
    assert_eq!(fixture.server.accepted(), all);
}

#[tokio::test]
async fn uncounted_deferrals_pause_longer_each_time_up_to_four_hours() {
    let fixture = Fixture::new();
    fixture.server.set_deferred([FULL_MAILBOX]);
    fixture.send(FULL_MAILBOX).await;
    fixture.after(30 * MINUTE).await;
    assert_eq!(fixture.server.tries(FULL_MAILBOX), 1);
    for (n, pause) in (2..).zip([1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]) {
        fixture.after(MINUTE * (pause - 1)).await;
        assert_eq!(
            fixture.server.tries(FULL_MAILBOX),
            n - 1,
            "before {pause} minutes"
        );
        fixture.after(MINUTE).await;
        assert_eq!(fixture.server.tries(FULL_MAILBOX), n, "after {pause} minutes");
    }
}

#[tokio::test]
async fn a_deferred_user_waits_for_retry_after_up_to_four_hours() {
    for (asked, waited) in [(600, 10), (1, 1), (60_000, 240)] {
        let asked = Duration::from_secs(asked);
        let fixture = Fixture::new();
        fixture.server.set_deferred([FULL_MAILBOX]);
        fixture.server.0.lock().unwrap().retry_after = Some(asked);
        fixture.send(FULL_MAILBOX).await;
        fixture.after(30 * MINUTE).await;
        fixture.after(MINUTE * (waited - 1)).await;
        assert_eq!(fixture.server.tries(FULL_MAILBOX), 1, "{asked:?}");
        fixture.after(MINUTE).await;
        assert_eq!(fixture.server.tries(FULL_MAILBOX), 2, "{asked:?}");
    }
}

#[tokio::test]
async fn too_many_deferrals_while_others_are_mailed_count_as_mailed() {
    let fixture = Fixture::new();
    fixture.server.set_deferred([FULL_MAILBOX]);
    fixture.send(FULL_MAILBOX).await;
    for _ in 0..3 {
        fixture.day().await;
    }
    assert_eq!(fixture.counted_deferrals(), 3);
    fixture.server.set_deferred([]);
    fixture.after(1_000 * MINUTE).await;
    assert_eq!(fixture.server.accepted().get(&agent_user_id(FULL_MAILBOX)), None);
    fixture.send(FULL_MAILBOX).await;
    fixture.after(30 * MINUTE).await;
    assert_eq!(
        fixture.server.accepted().get(&agent_user_id(FULL_MAILBOX)),
        Some(&1)
    );
}

#[tokio::test]
async fn the_first_deferral_after_a_start_does_not_count() {
    let mut fixture = Fixture::new();
    fixture.server.set_deferred([FULL_MAILBOX]);
    fixture.send(FULL_MAILBOX).await;
    // The longest pause is four hours, so three hours often contain no second deferral.
    let mut days = 0;
    while fixture.counted_deferrals() < 3 {
        for _ in 0..3 {
            fixture.send(USERS + 1).await;
            fixture.after(60 * MINUTE).await;
        }
        fixture.restart();
        days += 1;
        assert!(days < 100, "{} of 3 deferrals count", fixture.counted_deferrals());
    }
    let tries = fixture.server.tries(FULL_MAILBOX);
    assert!(tries > 4, "{tries} tries; a single process would need four");
    for _ in 0..3 {
        fixture.after(480 * MINUTE).await;
    }
    assert_eq!(
        fixture.server.tries(FULL_MAILBOX),
        tries,
        "no try follows the final deferral"
    );
}
