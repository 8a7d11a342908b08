//! Messages that wait for a commit are committed together in the next one, each with its own result.

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::store::{
    Append, Appended, ConversationStore as _, Publisher, StoreError, StoreErrorKind,
};
use messaging_sqlx::{PgOptions, PgStore, postgres::GroupCommit};
use messaging_test_postgres::{Fault, Statement};
use messaging_testkit::{
    make::{at, conversation_id, key, message_id, plan, worker},
    recount,
};

use crate::support::postgres::{Bench, Session, UNAVAILABLE, check, send};

/// A step that sends message `n` to the conversation of client 1 and agency `agency`.
fn send_to(agency: u64, n: u32) -> Append {
    send(n).with_conversation_id(conversation_id(1_000 + agency))
}

/// The statement that inserts several messages.
fn batch_statement() -> Statement {
    Statement::containing("WITH ORDINALITY")
}

/// A store whose first commit waits for a table lock of another session, so that all other messages wait for
/// it.
struct Held {
    bench: Bench,
    store: PgStore,
    lock: Session,
}

impl Held {
    async fn with(options: impl FnOnce(PgOptions) -> PgOptions) -> Self {
        let bench = Bench::new().await;
        let store = bench.store_with(&options(bench.options()));
        Self::of(bench, store).await
    }

    async fn of(bench: Bench, store: PgStore) -> Self {
        for agency in [3, 5, 7] {
            store.open(&plan(1, agency), Publisher::Anyone).await.unwrap();
        }
        let mut lock = bench.session().await;
        lock.run("BEGIN; LOCK TABLE messaging.message IN SHARE MODE")
            .await;
        Self { bench, store, lock }
    }

    /// Sends one message, then the others during its commit, and releases the lock. Returns the results of
    /// the others.
    async fn send(mut self, others: Vec<Append>) -> (Bench, Vec<Result<Appended, StoreError>>) {
        let first = tokio::spawn({
            let store = self.store.clone();
            async move { store.append(&send_to(1, 99)).await }
        });
        self.bench.until_waiting(1).await;
        let mut others = Box::pin(join_all(others.iter().map(|step| self.store.append(step))));
        // After one poll of each, all are in the queue, in this order.
        assert!(futures_util::poll!(&mut others).is_pending());
        self.lock.run("COMMIT").await;
        let outcomes = others.await;
        assert!(matches!(first.await.unwrap(), Ok(Appended::Stored(_))));
        (self.bench, outcomes)
    }
}

fn seq(outcome: &Result<Appended, StoreError>) -> u64 {
    let Ok(Appended::Stored(stored)) = outcome else {
        panic!("the message was not stored: {outcome:?}");
    };
    stored.message.seq
}

#[tokio::test]
async fn pending_messages_are_committed_together_in_order() {
    let held = Held::with(|options| options).await;
    let (bench, outcomes) = held.send((1..=25).map(|n| send_to(1, n)).collect()).await;
    let seqs: Vec<u64> = outcomes.iter().map(seq).collect();
    assert_eq!(seqs, (2..=26).collect::<Vec<_>>());
    // One transaction for the first message, and one for all the others.
    let mut session = bench.session().await;
    let commits = session
        .count("SELECT count(DISTINCT xmin::text) FROM messaging.message")
        .await;
    assert_eq!(commits, 2);
    assert_eq!(bench.messages().await, 26);
}

#[tokio::test]
async fn without_group_commit_each_message_is_committed_alone() {
    let bench = Bench::new().await;
    let store = bench.store_with(&bench.options().with_group_commit(GroupCommit::Off));
    let steps: Vec<Append> = (1..=20).map(|n| send_to(1, n)).collect();
    let outcomes = join_all(steps.iter().map(|step| store.append(step))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let mut session = bench.session().await;
    let commits = session
        .count("SELECT count(DISTINCT xmin::text) FROM messaging.message")
        .await;
    assert_eq!(commits, 20);
}

#[tokio::test]
async fn in_a_group_a_repeated_key_is_stored_once_and_a_stale_access_version_fails_alone() {
    let held = Held::with(|options| options).await;
    let mut again = send_to(1, 2);
    again.message.idempotency_key = Some(key("1"));
    let mut stale = send_to(1, 3);
    stale.access_version = 7;
    let unknown = send_to(9, 5);
    let others = vec![send_to(1, 1), again, stale, unknown, send_to(3, 4)];
    let (bench, outcomes) = held.send(others).await;
    let [one, again, stale, unknown, other] = &*outcomes else {
        panic!("expected five results");
    };
    assert_eq!((seq(one), seq(other)), (2, 1));
    let Ok(Appended::Duplicate(seen)) = again else {
        panic!("expected a duplicate: {again:?}");
    };
    assert_eq!(seen.message.id, message_id(1));
    assert!(matches!(stale, Ok(Appended::Conflict)), "{stale:?}");
    assert!(matches!(unknown, Ok(Appended::Conflict)), "{unknown:?}");
    assert_eq!(bench.messages().await, 3);
}

#[tokio::test]
async fn a_refused_message_fails_alone() {
    let bench = Bench::new().await;
    let mut session = bench.session().await;
    session
        .run("ALTER TABLE messaging.message ADD CHECK (body <> 'message 2')")
        .await;
    let store = bench.store();
    let held = Held::of(bench, store).await;
    let (bench, outcomes) = held
        .send((1..=3).map(|n| send_to(u64::from(n) * 2 - 1, n)).collect())
        .await;
    seq(&outcomes[0]);
    check(outcomes[1].as_ref().unwrap_err(), StoreErrorKind::Internal);
    seq(&outcomes[2]);
    assert_eq!(bench.messages().await, 3);
}

#[tokio::test]
async fn a_conversation_locked_elsewhere_does_not_block_others() {
    let bench = Bench::new().await;
    let store = bench.store();
    let mut lock = bench.session().await;
    for agency in [3, 5] {
        store.open(&plan(1, agency), Publisher::Anyone).await.unwrap();
    }
    lock.run(&format!(
        "BEGIN; SELECT FROM messaging.conversation WHERE id = '{}' FOR UPDATE",
        conversation_id(1_001).as_uuid()
    ))
    .await;
    // The conversation's messages wait, alone or in a group, and all other steps continue.
    let waiting: Vec<_> = [1, 2, 3]
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.append(&send_to(1, n)).await })
        })
        .into();
    bench.until_waiting_at_least(1).await;
    let steps: Vec<Append> = (4..=9).map(|n| send_to(3 + 2 * u64::from(n % 2), n)).collect();
    let others = join_all(steps.iter().map(|step| store.append(step))).await;
    assert!(others.iter().all(|outcome| seq(outcome) > 0));
    assert!(waiting.iter().all(|task| !task.is_finished()));
    lock.run("COMMIT").await;
    for task in waiting {
        seq(&task.await.unwrap());
    }
    assert_eq!(bench.messages().await, 9);
}

#[tokio::test]
async fn a_key_just_used_by_another_process_is_a_duplicate_and_fails_no_other() {
    let held = Held::with(|options| options).await;
    let elsewhere = held.bench.store();
    let mut theirs = send_to(3, 50);
    theirs.message.idempotency_key = Some(key("1"));
    let raced = tokio::spawn(async move { elsewhere.append(&theirs).await });
    held.bench.until_waiting(1).await;
    let store = held.store.clone();
    let mut ours = send_to(3, 1);
    ours.message.idempotency_key = Some(key("1"));
    let steps = [ours, send_to(5, 2), send_to(7, 3)];
    let outcomes = tokio::spawn(async move { join_all(steps.iter().map(|step| store.append(step))).await });
    held.bench.until_waiting_at_least(2).await;
    let mut lock = held.lock;
    lock.run("COMMIT").await;
    let raced = raced.await.unwrap().unwrap();
    let outcomes = outcomes.await.unwrap();
    let stored = |appended: &Appended| matches!(appended, Appended::Stored(_));
    assert_eq!(
        [stored(&raced), stored(outcomes[0].as_ref().unwrap())]
            .iter()
            .filter(|it| **it)
            .count(),
        1
    );
    assert_eq!((seq(&outcomes[1]), seq(&outcomes[2])), (1, 1));
    assert_eq!(held.bench.messages().await, 3);
}

#[tokio::test]
async fn messages_beyond_the_queue_limit_are_refused_at_once() {
    let held = Held::with(|options| options.with_max_waiting(8)).await;
    let (bench, outcomes) = held.send((1..=6).map(|n| send_to(1, n)).collect()).await;
    let (taken, refused) = outcomes.split_at(4);
    assert!(taken.iter().all(|outcome| seq(outcome) > 1));
    for outcome in refused {
        check(outcome.as_ref().unwrap_err(), UNAVAILABLE);
    }
    assert_eq!(bench.messages().await, 5);
}

#[tokio::test]
async fn a_message_that_waited_too_long_is_refused_and_not_stored() {
    let held = Held::with(|options| options.with_acquire_timeout(Duration::from_millis(50))).await;
    let first = tokio::spawn({
        let store = held.store.clone();
        async move { store.append(&send_to(1, 99)).await }
    });
    held.bench.until_waiting(1).await;
    let late = held.store.append(&send_to(1, 1)).await;
    check(&late.unwrap_err(), UNAVAILABLE);
    let mut lock = held.lock;
    lock.run("COMMIT").await;
    assert_eq!(seq(&first.await.unwrap()), 1);
    assert_eq!(held.bench.messages().await, 1);
}

#[tokio::test]
async fn a_cancelled_caller_does_not_affect_the_group() {
    let mut held = Held::with(|options| options).await;
    let task = tokio::spawn({
        let store = held.store.clone();
        async move { store.append(&send_to(1, 1)).await }
    });
    held.bench.until_waiting(1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    held.lock.run("COMMIT").await;
    assert_eq!(seq(&held.store.append(&send_to(1, 2)).await), 2);
    assert_eq!(held.bench.messages().await, 2);
}

#[tokio::test]
async fn a_group_with_a_lost_connection_is_unknown_to_all_and_found_by_repetition() {
    for is_committed in [false, true] {
        let bench = Bench::new().await;
        let (wire, url) = bench.wire();
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let held = Held::of(bench, store.clone()).await;
        let armed = wire.arm(if is_committed {
            Fault::CutAfterAnswer(batch_statement())
        } else {
            Fault::CutBeforeRequest(batch_statement())
        });
        let steps: Vec<Append> = (1..=4)
            .map(|n| {
                let mut step = send_to(1, n);
                step.message.idempotency_key = Some(key(n.to_string()));
                step
            })
            .collect();
        let (bench, outcomes) = held.send(steps.clone()).await;
        assert!(armed.has_happened());
        for outcome in &outcomes {
            check(outcome.as_ref().unwrap_err(), StoreErrorKind::OutcomeUnknown);
        }
        bench.until_idle().await;
        let again = join_all(steps.iter().map(|step| store.append(step))).await;
        for outcome in &again {
            let is_seen = matches!(outcome, Ok(Appended::Duplicate(_)));
            assert_eq!(is_seen, is_committed, "{outcome:?}");
        }
        assert_eq!(bench.messages().await, 5);
    }
}

#[tokio::test]
async fn a_lane_is_given_to_one_of_its_concurrent_senders() {
    let held = Held::with(|options| options).await;
    // The event of the opening has been published.
    let mut session = held.bench.session().await;
    session
        .run("DELETE FROM messaging.outbox; DELETE FROM messaging.lane")
        .await;
    let worker = worker(1, at(30));
    let steps = (1..=5).map(|n| send_to(3, n).with_publisher(worker)).collect();
    let (bench, outcomes) = held.send(steps).await;
    let lanes: Vec<bool> = outcomes
        .iter()
        .map(|outcome| matches!(outcome, Ok(Appended::Stored(stored)) if stored.entry.lane.is_some()))
        .collect();
    assert_eq!(lanes, [true, false, false, false, false]);
    recount(&bench.store()).await.unwrap().assert_clean();
}
