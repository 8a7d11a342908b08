//! A conversation whose row another transaction holds locked: its steps wait on one connection, and other
//! steps do not wait.

use std::{slice, time::Duration};

use futures_util::{future::join_all, poll};
use messaging_core::{
    domain::{change::Change, conversation::Conversation, digest::Extent, side::Side},
    store::{
        Append, Appended, ChangeState, ConversationStore as _, DigestStore as _, MarkRead, Publisher,
        StoreError,
    },
};
use messaging_sqlx::{PgStore, postgres::GroupCommit};
use messaging_testkit::make::{at, booking, client_id, conversation_id, message_id, plan};

use crate::support::postgres::{Bench, Session, UNAVAILABLE, check, code, send};

/// The smallest useful number of connections.
const CONNECTIONS: u32 = 3;
const MANY: u32 = 16;
const LOCKED: u64 = 1_001;

/// A session that holds the rows of these conversations locked.
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
    send(n).with_conversation_id(conversation_id(conversation))
}

fn read(n: u64) -> MarkRead {
    MarkRead::new(
        conversation_id(LOCKED),
        0,
        Side::Agent,
        message_id(n),
        at(1),
        Publisher::Anyone,
    )
}

fn block_in(n: u64) -> ChangeState {
    let conversation = Conversation::new(&plan(1, n - 1_000));
    ChangeState::new(
        &conversation,
        Change::Block(Side::Agent),
        at(1),
        Publisher::Anyone,
    )
}

/// Checks repeatedly that steps on another conversation succeed while at most `waiters` wait for a lock.
async fn check_other_steps_succeed(bench: &Bench, store: &PgStore, waiters: i64) {
    for n in 100..105 {
        store
            .find_conversation(conversation_id(1_003).into())
            .await
            .unwrap();
        let sent = store.append(&send_to(1_003, n)).await.unwrap();
        assert!(matches!(sent, Appended::Stored(_)));
        let waiting = bench.waiting().await;
        assert!(waiting <= waiters, "{waiting} steps wait for the row");
    }
}

/// Waits until at most `waiters` wait for a lock, in ten checks in a row with other steps between them.
async fn until_few_wait(bench: &Bench, store: &PgStore, waiters: i64) {
    bench.until_waiting_at_least(1).await;
    let mut in_a_row = 0;
    for _ in 0..10_000 {
        store
            .find_conversation(conversation_id(1_003).into())
            .await
            .unwrap();
        in_a_row = if bench.waiting().await <= waiters {
            in_a_row + 1
        } else {
            0
        };
        if in_a_row == 10 {
            return;
        }
    }
    panic!("more than {waiters} steps keep waiting for locked rows");
}

#[tokio::test]
async fn of_all_messages_to_a_locked_row_one_uses_a_connection() {
    for bench in Bench::both().await {
        let store = bench.store_with(&bench.options().with_max_connections(CONNECTIONS));
        store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
        let locked = lock(&bench, &[LOCKED]).await;
        let steps: Vec<Append> = (1..=MANY).map(|n| send_to(LOCKED, n)).collect();
        let mut waiting = Box::pin(join_all(steps.iter().map(|step| store.append(step))));
        assert!(poll!(&mut waiting).is_pending());
        tokio::select! {
            answers = &mut waiting => panic!("no step gets the lock: {answers:?}"),
            () = async {
                bench.until_waiting(1).await;
                check_other_steps_succeed(&bench, &store, 1).await;
            } => {}
        }
        locked.release().await;
        for answer in waiting.await {
            assert!(matches!(answer, Ok(Appended::Stored(_))), "{answer:?}");
        }
        assert_eq!(bench.messages().await, MANY as usize + 5);
    }
}

#[tokio::test]
async fn other_steps_on_a_locked_row_wait_in_the_same_queue() {
    let bench = Bench::new().await;
    let store = bench.store_with(&bench.options().with_max_connections(CONNECTIONS));
    store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
    store.append(&send_to(LOCKED, 99)).await.unwrap();
    let locked = lock(&bench, &[LOCKED]).await;
    let (read, block) = (read(99), block_in(LOCKED));
    let mut waiting = Box::pin(async {
        let reads = join_all((0..MANY).map(|_| store.mark_read(&read)));
        let changes = join_all((0..MANY).map(|_| store.change_state(&block)));
        tokio::join!(reads, changes)
    });
    assert!(poll!(&mut waiting).is_pending());
    tokio::select! {
        answers = &mut waiting => panic!("no step gets the lock: {answers:?}"),
        () = async {
            bench.until_waiting(1).await;
            check_other_steps_succeed(&bench, &store, 1).await;
        } => {}
    }
    locked.release().await;
    let (reads, changes) = waiting.await;
    assert!(reads.iter().all(Result::is_ok) && changes.iter().all(Result::is_ok));
}

/// Several locked conversations, and one that is not locked.
async fn locked_conversations(bench: &Bench, store: &PgStore) -> (Vec<u64>, Session) {
    let agencies = [3_u64, 5, 7, 9, 11, 13];
    for agency in agencies {
        store.open(&plan(1, agency), Publisher::Anyone).await.unwrap();
    }
    let ids: Vec<u64> = agencies[1..].iter().map(|agency| 1_000 + agency).collect();
    for (id, n) in ids.iter().zip(900..) {
        store.append(&send_to(*id, n)).await.unwrap();
    }
    let locked = lock(bench, &ids).await;
    (ids, locked)
}

/// A store of six connections, of which at most two may wait for locked rows.
fn store_of_six(bench: &Bench, group_commit: GroupCommit) -> PgStore {
    let options = bench.options().with_max_connections(6);
    bench.store_with(&options.with_group_commit(group_commit))
}

#[tokio::test]
async fn few_of_many_locked_conversations_use_a_connection() {
    for group_commit in [GroupCommit::On, GroupCommit::Off] {
        let bench = Bench::new().await;
        let store = store_of_six(&bench, group_commit);
        let (ids, locked) = locked_conversations(&bench, &store).await;
        let steps = ids
            .iter()
            .zip(1..)
            .flat_map(|(id, n)| [send_to(*id, n), send_to(*id, n + 50)]);
        let steps: Vec<Append> = steps.collect();
        let mut waiting = Box::pin(join_all(steps.iter().map(|step| store.append(step))));
        assert!(poll!(&mut waiting).is_pending());
        tokio::select! {
            answers = &mut waiting => panic!("no step gets the lock: {answers:?}"),
            () = async {
                bench.until_waiting(2).await;
                check_other_steps_succeed(&bench, &store, 2).await;
            } => {}
        }
        locked.release().await;
        assert!(waiting.await.iter().all(Result::is_ok));
        assert_eq!(bench.messages().await, 2 * ids.len() + 5 + ids.len());
    }
}

/// Marking as read or as mailed, changing and linking lock the same rows. Each step waits briefly on a
/// connection of its own, and then as one of the few that may wait.
#[tokio::test]
async fn few_of_many_steps_on_locked_rows_use_a_connection() {
    let bench = Bench::new().await;
    let store = store_of_six(&bench, GroupCommit::On);
    let (ids, locked) = locked_conversations(&bench, &store).await;
    let reads = ids
        .iter()
        .zip(900..)
        .map(|(id, n)| read(n).with_conversation_id(conversation_id(*id)));
    let changes = ids.iter().map(|id| block_in(*id));
    // Two of each pair: they wait in one queue, although their conversation's id is unknown.
    let links = ids
        .iter()
        .chain(&ids)
        .zip(0..)
        .map(|(id, n)| plan(1, id - 1_000).with_booking_id(Some(booking(format!("b-{n}")))));
    let mailed = ids
        .iter()
        .map(|id| Extent::new(conversation_id(*id), Side::Agent, 1));
    let (reads, changes): (Vec<_>, Vec<_>) = (reads.collect(), changes.collect());
    let (links, mailed): (Vec<_>, Vec<_>) = (links.collect(), mailed.collect());
    let user = client_id(1);
    let mut waiting = Box::pin(async {
        let reads = join_all(reads.iter().map(|step| store.mark_read(step)));
        let changes = join_all(changes.iter().map(|step| store.change_state(step)));
        let links = join_all(links.iter().map(|plan| store.open(plan, Publisher::Anyone)));
        let mails = mailed
            .iter()
            .map(|extent| store.mark_mailed(&user, slice::from_ref(extent), at(9)));
        let mails = join_all(mails);
        tokio::join!(reads, changes, links, mails)
    });
    assert!(poll!(&mut waiting).is_pending());
    tokio::select! {
        _ = &mut waiting => panic!("no step gets the lock"),
        () = until_few_wait(&bench, &store, 2) => {}
    }
    locked.release().await;
    let (reads, changes, links, mails) = waiting.await;
    assert!(mails.iter().all(Result::is_ok), "{mails:?}");
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert!(changes.iter().all(Result::is_ok), "{changes:?}");
    assert!(links.iter().all(Result::is_ok), "{links:?}");
}

/// A send decided on an old access version is a conflict at once, however many rows are locked.
#[tokio::test]
async fn a_conflicting_send_does_not_wait_for_a_locked_row() {
    for group_commit in [GroupCommit::On, GroupCommit::Off] {
        let bench = Bench::new().await;
        let store = store_of_six(&bench, group_commit);
        let (ids, locked) = locked_conversations(&bench, &store).await;
        let steps: Vec<Append> = ids.iter().zip(1..).map(|(id, n)| send_to(*id, n)).collect();
        let mut waiting = Box::pin(join_all(steps.iter().map(|step| store.append(step))));
        assert!(poll!(&mut waiting).is_pending());
        let stale = send_to(1_003, 200).with_access_version(7);
        tokio::select! {
            answers = &mut waiting => panic!("no step gets the lock: {answers:?}"),
            () = async {
                bench.until_waiting(2).await;
                assert_eq!(store.append(&stale).await.unwrap(), Appended::Conflict);
            } => {}
        }
        locked.release().await;
        assert!(waiting.await.iter().all(Result::is_ok));
    }
}

/// The server cancels the wait, and the error says that nothing was changed.
#[tokio::test]
async fn a_lock_wait_ends_long_before_the_statement_timeout() {
    for bench in Bench::both().await {
        let options = bench.options().with_lock_timeout(Duration::from_millis(50));
        let store = bench.store_with(&options.with_max_connections(CONNECTIONS));
        store.open(&plan(1, 3), Publisher::Anyone).await.unwrap();
        let locked = lock(&bench, &[LOCKED]).await;
        let (send, block) = (send_to(LOCKED, 1), block_in(LOCKED));
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
        locked.release().await;
        let appended = store.append(&send).await.unwrap();
        assert!(matches!(appended, Appended::Stored(_)));
        assert_eq!(bench.messages().await, 1);
    }
}
