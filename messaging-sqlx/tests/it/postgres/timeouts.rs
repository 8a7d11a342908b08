//! Steps that are interrupted: by the server, by the store, by another session, or by their caller. More
//! steps are interrupted than the pool has connections, and afterwards all connections are usable.

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::store::{Appended, ConversationStore as _, StoreError, StoreErrorKind::OutcomeUnknown};
use messaging_sqlx::PgStore;
use messaging_testkit::make::conversation_id;

use crate::support::postgres::{Bench, Session, UNAVAILABLE, check, code, is_stored, send};

const SOON: Duration = Duration::from_millis(500);
const CONNECTIONS: u32 = 2;
const REPETITIONS: u32 = CONNECTIONS + 2;

async fn read(store: &PgStore) -> Result<(), StoreError> {
    let found = store.find_conversation(conversation_id(1_001).into()).await;
    found.map(drop)
}

/// A session that locks the table even against reads, until it is released.
async fn lock_table(bench: &Bench) -> Session {
    let mut session = bench.session().await;
    session
        .run("BEGIN; LOCK TABLE messaging.conversation IN ACCESS EXCLUSIVE MODE")
        .await;
    session
}

/// Runs as many steps concurrently as there are connections, and checks that all of them succeed.
async fn check_full_size(bench: &Bench, store: &PgStore) {
    let locked = lock_table(bench).await;
    let reads = (0..CONNECTIONS).map(|_| read(store));
    let (answers, ()) = tokio::join!(join_all(reads), async {
        bench.until_waiting(i64::from(CONNECTIONS)).await;
        locked.release().await;
    });
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let sends = (100..100 + CONNECTIONS).map(|n| is_stored(store, n));
    assert_eq!(join_all(sends).await, vec![true; CONNECTIONS as usize]);
}

#[tokio::test]
async fn a_statement_cancelled_by_the_server_changed_nothing() {
    for bench in Bench::both().await {
        let options = bench.options().with_max_connections(CONNECTIONS);
        let store = bench.store_with(&options.with_statement_timeout(SOON));
        let locked = lock_table(&bench).await;
        for _ in 0..REPETITIONS {
            for error in [
                store.append(&send(1)).await.unwrap_err(),
                read(&store).await.unwrap_err(),
            ] {
                check(&error, UNAVAILABLE);
                assert_eq!(code(&error).as_deref(), Some("57014"));
            }
        }
        locked.release().await;
        assert_eq!(bench.messages().await, 0);
    }
}

#[tokio::test]
async fn a_write_timed_out_on_a_hosts_pool_is_found_by_repetition() {
    for bench in Bench::both().await {
        let pool = bench.pool(CONNECTIONS);
        let patient = PgStore::on_pool(pool.clone(), &bench.options());
        let store = PgStore::on_pool(pool, &bench.options().with_statement_timeout(SOON));
        let locked = bench.lock().await;
        for _ in 0..REPETITIONS {
            check(&store.append(&send(1)).await.unwrap_err(), OutcomeUnknown);
        }
        // The server does not know that their callers have given up.
        bench.until_waiting(i64::from(REPETITIONS)).await;
        locked.release().await;
        let repeated = patient.append(&send(1)).await.unwrap();
        assert!(matches!(repeated, Appended::Stored(_) | Appended::Duplicate(_)));
        assert_eq!(bench.messages().await, 1);
        assert!(!is_stored(&patient, 1).await);
        check_full_size(&bench, &patient).await;
    }
}

#[tokio::test]
async fn a_read_timed_out_on_a_hosts_pool_is_unavailable() {
    for bench in Bench::both().await {
        let pool = bench.pool(CONNECTIONS);
        let patient = PgStore::on_pool(pool.clone(), &bench.options());
        let store = PgStore::on_pool(pool, &bench.options().with_statement_timeout(SOON));
        let locked = lock_table(&bench).await;
        for _ in 0..REPETITIONS {
            check(&read(&store).await.unwrap_err(), UNAVAILABLE);
        }
        locked.release().await;
        read(&patient).await.unwrap();
        check_full_size(&bench, &patient).await;
    }
}

#[tokio::test]
async fn a_write_on_a_terminated_connection_has_an_unknown_outcome() {
    for bench in Bench::both().await {
        let store = bench.store_with(&bench.options().with_max_connections(CONNECTIONS));
        let locked = lock_table(&bench).await;
        for _ in 0..REPETITIONS {
            let (written, read, ()) = tokio::join!(
                async { store.append(&send(1)).await },
                async { read(&store).await },
                async {
                    bench.until_waiting(2).await;
                    bench.terminate().await;
                }
            );
            check(&written.unwrap_err(), OutcomeUnknown);
            check(&read.unwrap_err(), UNAVAILABLE);
        }
        locked.release().await;
        assert!(is_stored(&store, 1).await);
        check_full_size(&bench, &store).await;
        assert_eq!(bench.messages().await, 1 + CONNECTIONS as usize);
    }
}

/// A recently used connection is not checked before a step, which would cost a round trip. So one step may
/// fail, with an unknown outcome.
#[tokio::test]
async fn a_connection_terminated_while_idle_fails_one_step_at_most() {
    for bench in Bench::both().await {
        let store = bench.store_with(&bench.options().with_max_connections(1));
        for n in 1..=REPETITIONS {
            read(&store).await.unwrap();
            bench.terminate().await;
            if let Err(error) = store.append(&send(n)).await {
                check(&error, OutcomeUnknown);
                assert!(is_stored(&store, n).await, "the server had not received the step");
            }
            assert!(!is_stored(&store, n).await);
        }
        assert_eq!(bench.messages().await, REPETITIONS as usize);
    }
}

/// Without group commit: a group is committed even if some of its callers are cancelled.
#[tokio::test]
async fn cancelled_steps_leave_the_pool_unchanged() {
    let benches = [Bench::alone().await, Bench::alone().await];
    let stores = [
        benches[0].store_with(&benches[0].options().with_max_connections(CONNECTIONS)),
        PgStore::on_pool(benches[1].pool(CONNECTIONS), &benches[1].options()),
    ];
    for (bench, store) in benches.iter().zip(&stores) {
        let (locked, step) = (bench.lock().await, send(1));
        for n in 1..=i64::from(REPETITIONS) {
            tokio::select! {
                answer = store.append(&step) => panic!("no step gets the lock: {answer:?}"),
                () = bench.until_waiting(n) => {}
            }
        }
        locked.release().await;
        bench.until_idle().await;
        assert!(!is_stored(store, 1).await, "the server completed the first step");
        check_full_size(bench, store).await;
    }
}
