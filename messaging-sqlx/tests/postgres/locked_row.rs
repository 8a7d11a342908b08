//! A conversation whose row another transaction keeps locked: its own steps wait, in one connection, and no other does.

use std::time::Duration;

use futures_util::{future::join_all, poll};
use messaging_core::{
    domain::{conversation::Change, side::Side},
    port::store::{Append, Appended, ChangeState, Conversations as _, MarkRead, Publisher, StoreError},
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{at, conversation_id, message_id, plan};

use crate::bench::{Bench, Session, UNAVAILABLE, check, code, send};

/// As few as a store may well have.
const CONNECTIONS: u32 = 3;
const MANY: u32 = 16;
const LOCKED: u64 = 1_001;

/// Somebody who has the rows of some conversations locked.
async fn lock(bench: &Bench, conversations: &[u64]) -> Session {
    let mut session = bench.session().await;
    session.run("BEGIN").await;
    for n in conversations {
        let id = conversation_id(*n).as_uuid();
        session
            .run(&format!(
                "SELECT FROM messaging.conversation WHERE id = '{id}' FOR UPDATE"
            ))
            .await;
    }
    session
}

fn send_to(conversation: u64, n: u32) -> Append {
    Append {
        conversation_id: conversation_id(conversation),
        ..send(n)
    }
}

fn read(n: u64) -> MarkRead {
    MarkRead {
        conversation_id: conversation_id(LOCKED),
        guard: 0,
        side: Side::Agent,
        up_to: message_id(n),
        now: at(1),
        publisher: Publisher::Anyone,
    }
}

fn block() -> ChangeState {
    ChangeState {
        conversation_id: conversation_id(LOCKED),
        guard: 0,
        change: Change::Block(Side::Agent),
        now: at(1),
        publisher: Publisher::Anyone,
    }
}

/// Whether somebody else's step goes on, and how many wait for a lock meanwhile: at each of some looks.
async fn check_others_go_on(bench: &Bench, store: &PgStore, waiters: i64) {
    for n in 100..105 {
        store.find_conversation(conversation_id(1_003)).await.unwrap();
        let sent = store.append(&send_to(1_003, n)).await.unwrap();
        assert!(matches!(sent, Appended::Stored(_)));
        let waiting = bench.waiting().await;
        assert!(waiting <= waiters, "{waiting} wait for the row");
    }
}

#[tokio::test]
async fn however_many_messages_wait_for_it_one_of_them_has_a_connection() {
    for bench in Bench::both().await {
        let store = bench.store_with(&bench.options().with_max_connections(CONNECTIONS));
        store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
        let locked = lock(&bench, &[LOCKED]).await;
        let steps: Vec<Append> = (1..=MANY).map(|n| send_to(LOCKED, n)).collect();
        let mut waiting = Box::pin(join_all(steps.iter().map(|step| store.append(step))));
        assert!(poll!(&mut waiting).is_pending());
        tokio::select! {
            answers = &mut waiting => panic!("nobody gets the lock: {answers:?}"),
            () = async {
                bench.until_waiting(1).await;
                check_others_go_on(&bench, &store, 1).await;
            } => {}
        }
        locked.let_go().await;
        for answer in waiting.await {
            assert!(matches!(answer, Ok(Appended::Stored(_))), "{answer:?}");
        }
        assert_eq!(bench.messages().await, MANY as usize + 5);
    }
}

#[tokio::test]
async fn whatever_else_is_done_to_it_waits_in_the_same_line() {
    let bench = Bench::new().await;
    let store = bench.store_with(&bench.options().with_max_connections(CONNECTIONS));
    store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
    store.append(&send_to(LOCKED, 99)).await.unwrap();
    let locked = lock(&bench, &[LOCKED]).await;
    let (read, block) = (read(99), block());
    let mut waiting = Box::pin(async {
        let reads = join_all((0..MANY).map(|_| store.mark_read(&read)));
        let changes = join_all((0..MANY).map(|_| store.change_state(&block)));
        tokio::join!(reads, changes)
    });
    assert!(poll!(&mut waiting).is_pending());
    tokio::select! {
        answers = &mut waiting => panic!("nobody gets the lock: {answers:?}"),
        () = async {
            bench.until_waiting(1).await;
            check_others_go_on(&bench, &store, 1).await;
        } => {}
    }
    locked.let_go().await;
    let (reads, changes) = waiting.await;
    assert!(reads.iter().all(Result::is_ok) && changes.iter().all(Result::is_ok));
}

#[tokio::test]
async fn of_many_locked_conversations_a_few_have_a_connection() {
    let bench = Bench::new().await;
    // A waiter for three connections.
    let store = bench.store_with(&bench.options().with_max_connections(6));
    let agencies = [3_u64, 5, 7, 9, 11, 13];
    for agency in agencies {
        store.open(&plan(1, agency), Publisher::Anyone).await.unwrap();
    }
    let ids = agencies[1..].iter().map(|agency| 1_000 + agency);
    let ids: Vec<u64> = ids.collect();
    let locked = lock(&bench, &ids).await;
    let steps = ids
        .iter()
        .zip(1..)
        .flat_map(|(id, n)| [send_to(*id, n), send_to(*id, n + 50)]);
    let steps: Vec<Append> = steps.collect();
    let mut waiting = Box::pin(join_all(steps.iter().map(|step| store.append(step))));
    assert!(poll!(&mut waiting).is_pending());
    tokio::select! {
        answers = &mut waiting => panic!("nobody gets the lock: {answers:?}"),
        () = async {
            bench.until_waiting(2).await;
            check_others_go_on(&bench, &store, 2).await;
        } => {}
    }
    locked.let_go().await;
    assert!(waiting.await.iter().all(Result::is_ok));
    assert_eq!(bench.messages().await, steps.len() + 5);
}

/// The server gives up, and says so: nothing was changed.
#[tokio::test]
async fn a_row_that_stays_locked_is_given_up_long_before_a_statement_is() {
    for bench in Bench::both().await {
        let options = bench.options().with_lock_timeout(Duration::from_millis(50));
        let store = bench.store_with(&options.with_max_connections(CONNECTIONS));
        store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
        let locked = lock(&bench, &[LOCKED]).await;
        let (send, block) = (send_to(LOCKED, 1), block());
        let errors: [StoreError; 2] = [
            store.append(&send).await.unwrap_err(),
            store.change_state(&block).await.unwrap_err(),
        ];
        for error in &errors {
            check(error, UNAVAILABLE);
        }
        assert_eq!(code(&errors[1]).as_deref(), Some("55P03"));
        let steps: Vec<Append> = (1..=MANY).map(|n| send_to(LOCKED, n)).collect();
        for answer in join_all(steps.iter().map(|step| store.append(step))).await {
            check(&answer.unwrap_err(), UNAVAILABLE);
        }
        locked.let_go().await;
        let appended = store.append(&send).await.unwrap();
        assert!(matches!(appended, Appended::Stored(_)));
        assert_eq!(bench.messages().await, 1);
    }
}
