//! Look-ups that arrive during others of their kind are answered together, each with its own answer.

use std::{error::Error as _, sync::Arc, thread};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use messaging_core::{
    domain::{conversation::Conversation, scope::ListScope, side::Side},
    id::ConversationId,
    store::{
        Append, ConversationStore as _, ListPage, ListScan, ListStart, Publisher, StoreError, StoreErrorKind,
    },
};
use messaging_sqlx::PgStore;
use messaging_test_postgres::{Counts, Fault, Statement, Wire};
use messaging_testkit::make::{agent_scope, client_id, client_scope, conversation_id, limit, message, plan};
use tokio::task::JoinHandle;

use crate::support::postgres::{Bench, Session, UNAVAILABLE, check};

#[derive(Debug, Clone)]
enum LookUp {
    Find(ConversationId),
    Total(ListScope),
    List(ListScope, usize),
}

#[derive(Debug, PartialEq)]
enum Answer {
    Found(Option<Conversation>),
    Total(u64),
    Listed(ListPage),
}

impl LookUp {
    async fn on(self, store: PgStore) -> Result<Answer, StoreError> {
        match self {
            Self::Find(id) => store.find_conversation(id.into()).await.map(Answer::Found),
            Self::Total(scope) => store.count_unread(&scope).await.map(Answer::Total),
            Self::List(scope, size) => {
                let scan = ListScan::new(scope, ListStart::Newest, limit(size));
                store.list_conversations(&scan).await.map(Answer::Listed)
            }
        }
    }
}

/// Look-ups of each kind. Some are equal, and some find nothing.
fn kinds() -> [Vec<LookUp>; 5] {
    let numbers = [1, 2, 3, 4, 1, 3];
    let of = |kind: fn(u64) -> LookUp| numbers.map(kind).into();
    let size = |n: u64| 1 + usize::from(n == 3);
    [
        of(|n| LookUp::Find(conversation_id(1_000 * n + 1))),
        of(|n| LookUp::Total(client_scope(n))),
        of(|n| LookUp::Total(agent_scope(n))),
        numbers.map(|n| LookUp::List(client_scope(n), size(n))).into(),
        numbers.map(|n| LookUp::List(agent_scope(n), size(n))).into(),
    ]
}

/// How many look-ups of a kind are in progress before others wait.
fn at_once() -> usize {
    thread::available_parallelism().unwrap().get().max(2)
}

/// A store with conversations of clients 1 to 3 and agencies 1 to 3. Another session holds a lock for which all look-ups
/// wait.
struct Held {
    bench: Bench,
    wire: Wire,
    store: PgStore,
    lock: Session,
}

type Answered = Result<Answer, StoreError>;

impl Held {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let store = bench.store();
        for (client, agency) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 3)] {
            let plan = plan(client, agency);
            store.open(&plan, Publisher::Anyone).await.unwrap();
            for n in 0..agency {
                let n = u32::try_from(100 * client + 10 * agency + n).unwrap();
                let message = message(n, Side::Client, &client_id(client));
                let step = Append::new(plan.id, 0, message, Publisher::Anyone);
                store.append(&step).await.unwrap();
            }
        }
        let (wire, url) = bench.wire();
        let connections = u32::try_from(at_once()).unwrap() + 1;
        let options = bench.options().with_max_connections(connections);
        let store = PgStore::from_url(&url, &options).unwrap();
        // The store checks the schema's version once.
        store.find_conversation(conversation_id(0).into()).await.unwrap();
        let mut lock = bench.session().await;
        lock.run("BEGIN; LOCK TABLE messaging.conversation IN ACCESS EXCLUSIVE MODE")
            .await;
        Self {
            bench,
            wire,
            store,
            lock,
        }
    }

    /// Starts as many look-ups as are answered alone, and waits until they wait for the lock.
    async fn start(&self, look_up: &LookUp) -> Vec<JoinHandle<Answered>> {
        let first = || tokio::spawn(look_up.clone().on(self.store.clone()));
        let started = (0..at_once()).map(|_| first()).collect();
        self.bench.until_waiting(i64::try_from(at_once()).unwrap()).await;
        started
    }

    /// Starts look-ups that wait for earlier ones.
    fn wait(&self, look_ups: &[LookUp]) -> BoxFuture<'static, Vec<Answered>> {
        let started = look_ups
            .iter()
            .map(|look_up| look_up.clone().on(self.store.clone()));
        let mut waiting = join_all(started.collect::<Vec<_>>()).boxed();
        assert!((&mut waiting).now_or_never().is_none());
        waiting
    }

    async fn unlock(&mut self) {
        self.lock.run("COMMIT").await;
    }

    /// Checks that at most one statement has been executed since, apart from those that waited for the lock, maybe before
    /// their execution.
    fn check_shared(&self, before: Counts, look_ups: &[LookUp]) {
        let executed = self.wire.counts().since(before).statements;
        let most = at_once() as u64 + 1;
        assert!(executed <= most, "{executed} statements for {look_ups:?}");
    }

    /// Returns the answers of look-ups one after the other.
    async fn expected(&self, look_ups: &[LookUp]) -> Vec<Answer> {
        let store = self.bench.store();
        let mut answers = Vec::new();
        for look_up in look_ups {
            answers.push(look_up.clone().on(store.clone()).await.unwrap());
        }
        answers
    }

    /// Checks that the answers are those of look-ups one after the other.
    async fn check(&self, look_ups: &[LookUp], answered: Vec<Answered>) {
        let answered: Vec<_> = answered.into_iter().map(Result::unwrap).collect();
        assert_eq!(answered, self.expected(look_ups).await);
    }
}

/// Waits for the answers to a look-up, each in a task.
async fn answers(started: Vec<JoinHandle<Answered>>) -> Vec<Answered> {
    join_all(started).await.into_iter().map(Result::unwrap).collect()
}

/// The statement for several look-ups.
fn shared_statement() -> Statement {
    Statement::containing("WITH ORDINALITY")
}

#[tokio::test]
async fn waiting_look_ups_share_a_statement_and_each_has_its_answer() {
    for look_ups in kinds() {
        let mut held = Held::new().await;
        let started = held.start(&look_ups[0]).await;
        let before = held.wire.counts();
        let waiting = held.wait(&look_ups);
        held.unlock().await;
        let answered = waiting.await;
        held.check_shared(before, &look_ups);
        held.check(&look_ups, answered).await;
        let first = vec![look_ups[0].clone(); at_once()];
        held.check(&first, answers(started).await).await;
    }
}

#[tokio::test]
async fn look_ups_of_a_lost_statement_are_repeated_alone() {
    for look_ups in kinds() {
        let mut held = Held::new().await;
        let started = held.start(&look_ups[0]).await;
        let armed = held.wire.arm(Fault::CutAfterAnswer(shared_statement()));
        let waiting = held.wait(&look_ups);
        held.unlock().await;
        held.check(&look_ups, waiting.await).await;
        assert!(armed.has_happened());
        assert!(answers(started).await.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn a_shared_statement_without_a_connection_fails_each_look_up() {
    for look_ups in kinds() {
        let mut held = Held::new().await;
        let started = held.start(&look_ups[0]).await;
        let waiting = held.wait(&look_ups);
        let store = held.store.clone();
        let mut closing = store.close().boxed();
        assert!((&mut closing).now_or_never().is_none());
        held.unlock().await;
        for answered in waiting.await {
            let error = answered.unwrap_err();
            check(&error, UNAVAILABLE);
            let cause = error.source().unwrap();
            assert!(cause.is::<Arc<sqlx::Error>>(), "one error for all: {cause:?}");
        }
        assert!(answers(started).await.iter().all(Result::is_ok));
        closing.await;
    }
}

#[tokio::test]
async fn an_unreadable_row_fails_only_its_look_up() {
    let [find, _, _, clients, _] = kinds();
    for look_ups in [find, clients] {
        let mut held = Held::new().await;
        let started = held.start(&look_ups[0]).await;
        let waiting = held.wait(&look_ups);
        let damage = "UPDATE messaging.conversation SET access_version = -1 WHERE client_id = 'client-3'";
        held.lock.run(damage).await;
        held.unlock().await;
        for (look_up, answered) in look_ups.iter().zip(waiting.await) {
            let is_damaged = match look_up {
                LookUp::Find(id) => *id == conversation_id(3_001),
                LookUp::List(scope, _) => *scope == client_scope(3),
                LookUp::Total(_) => unreachable!("a total reads no conversation"),
            };
            match answered {
                Ok(_) => assert!(!is_damaged, "{look_up:?}"),
                Err(error) => {
                    assert!(is_damaged, "{look_up:?}");
                    check(&error, StoreErrorKind::Corrupt);
                }
            }
        }
        assert!(answers(started).await.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn dropped_callers_do_not_affect_other_look_ups() {
    for look_ups in kinds() {
        let mut held = Held::new().await;
        let started = held.start(&look_ups[0]).await;
        let dropped = held.wait(&look_ups);
        let waiting = held.wait(&look_ups);
        drop(dropped);
        // The shared statement starts when the first of the others ends, by its caller.
        for first in &started {
            first.abort();
        }
        let before = held.wire.counts();
        held.unlock().await;
        held.check(&look_ups, waiting.await).await;
        held.check_shared(before, &look_ups);
    }
}
