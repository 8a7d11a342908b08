//! Errors of failed steps: whether a retry makes sense, and whether the step may have taken effect.

use std::time::Duration;

use messaging_core::{
    Messaging,
    clock::{ManualClock, SequentialIds},
    store::{Claim, ConversationStore as _, OutboxStore as _, Publisher, StoreError, StoreErrorKind},
};
use messaging_sqlx::{PgOptions, PgStore};
use messaging_test_postgres::{How, PgServer};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{at, conversation_id, plan, worker_id},
};
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support::postgres::{Bench, UNAVAILABLE, check, code, is_stored, send};

const SOON: Duration = Duration::from_millis(100);

/// Returns the errors of one step of each kind: a read, a write, and a worker's step.
async fn errors(store: &PgStore) -> [StoreError; 3] {
    let claim = Claim::new(worker_id(1), at(1), at(11), 9);
    [
        store
            .find_conversation(conversation_id(1_001).into())
            .await
            .unwrap_err(),
        store.append(&send(1)).await.unwrap_err(),
        store.claim_lanes(&claim).await.unwrap_err(),
    ]
}

async fn check_all(store: &PgStore, kind: StoreErrorKind) {
    for error in errors(store).await {
        check(&error, kind);
    }
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable() {
    // A port on which no process listens, on any machine.
    let url = "postgres://postgres:sesame@127.0.0.1:1/messaging";
    let options = PgOptions::default().with_acquire_timeout(SOON);
    let store = PgStore::from_url(url, &options).unwrap();
    check_all(&store, UNAVAILABLE).await;
    check(&store.migrate().await.unwrap_err(), UNAVAILABLE);
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_unavailable() {
    for bench in Bench::both().await {
        let pool = bench.pool(1);
        let store = PgStore::on_pool(pool.clone(), &bench.options().with_acquire_timeout(SOON));
        let taken = pool.acquire().await.unwrap();
        check_all(&store, UNAVAILABLE).await;
        drop(taken);
        let patient = PgStore::on_pool(pool, &bench.options());
        assert!(is_stored(&patient, 1).await, "the failed sends stored nothing");
    }
}

#[tokio::test]
async fn a_closed_pool_is_unavailable() {
    let store = Bench::new().await.store();
    store.close().await;
    check_all(&store, UNAVAILABLE).await;
}

#[tokio::test]
async fn the_store_does_not_close_the_hosts_pool() {
    for bench in Bench::both().await {
        let pool = bench.pool(1);
        PgStore::on_pool(pool.clone(), &bench.options()).close().await;
        assert!(!pool.is_closed());
        pool.close().await;
        check_all(&PgStore::on_pool(pool, &bench.options()), UNAVAILABLE).await;
    }
}

#[tokio::test]
async fn a_missing_database_is_internal() {
    let url = PgServer::shared().url("no_such_database");
    let store = PgStore::from_url(&url, &PgOptions::default()).unwrap();
    check_all(&store, StoreErrorKind::Internal).await;
    assert_eq!(code(&errors(&store).await[0]).as_deref(), Some("3D000"));
}

#[tokio::test]
async fn a_wrong_password_is_internal() {
    let server = PgServer::start();
    let admin = server.admin_url().parse::<PgConnectOptions>().unwrap();
    let mut admin = admin.connect().await.unwrap();
    let demand = "DO $$ BEGIN EXECUTE format('COPY (SELECT %L) TO %L',
        'host all all 127.0.0.1/32 scram-sha-256', current_setting('hba_file')); END $$;
        ALTER ROLE postgres PASSWORD 'open'";
    sqlx::raw_sql(demand).execute(&mut admin).await.unwrap();
    server.stop(How::Immediate);
    // Readiness is not checked here: that would need the password.
    server.start_again();
    let url = format!("postgres://postgres:sesame@127.0.0.1:{}/postgres", server.port());
    let store = PgStore::from_url(&url, &PgOptions::default()).unwrap();
    check_all(&store, StoreErrorKind::Internal).await;
    assert_eq!(code(&errors(&store).await[0]).as_deref(), Some("28P01"));
}

#[tokio::test]
async fn a_read_only_database_can_be_read() {
    for bench in Bench::both().await {
        assert!(is_stored(&bench.store(), 1).await);
        let url = bench.url_with("default_transaction_read_only=on");
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let claim = Claim::new(worker_id(1), at(1), at(11), 9);
        for error in [
            store.append(&send(2)).await.unwrap_err(),
            store.append(&send(1)).await.unwrap_err(),
            store.open(&plan(2, 1), Publisher::Anyone).await.unwrap_err(),
            store.claim_lanes(&claim).await.unwrap_err(),
        ] {
            check(&error, StoreErrorKind::ReadOnly);
        }
        let found = store
            .find_conversation(conversation_id(1_001).into())
            .await
            .unwrap();
        assert_eq!(found.unwrap().last_seq, 1);
        assert_eq!(store.backlog().await.unwrap().lanes, 1);
    }
}

#[tokio::test]
async fn the_hosts_lock_timeout_is_unavailable() {
    for bench in Bench::both().await {
        let pool = PgPoolOptions::new().connect_lazy(&bench.url_with("lock_timeout=10ms"));
        let store = PgStore::on_pool(pool.unwrap(), &bench.options());
        let locked = bench.lock().await;
        let error = store.append(&send(1)).await.unwrap_err();
        check(&error, UNAVAILABLE);
        assert_eq!(code(&error).as_deref(), Some("55P03"));
        locked.release().await;
        assert!(is_stored(&store, 1).await);
    }
}

#[tokio::test]
async fn a_serialization_failure_is_retried() {
    for bench in Bench::both().await {
        let url = bench.url_with("default_transaction_isolation=serializable");
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let mut other = bench.session().await;
        other
            .run("BEGIN; UPDATE messaging.conversation SET closed = false")
            .await;
        let (lost, ()) = tokio::join!(async { store.append(&send(1)).await }, async {
            bench.until_waiting(1).await;
            other.run("COMMIT").await;
        });
        let error = lost.unwrap_err();
        check(&error, StoreErrorKind::Retry);
        assert_eq!(code(&error).as_deref(), Some("40001"));
        assert!(is_stored(&store, 1).await);
    }
}

/// The step holds the conversation and waits for the lane. Another session holds the unique key that the step
/// needs next, and waits for the conversation. When the lane is free, each waits for the other, and the
/// server cancels the step, whose deadlock timeout is the shorter one.
#[tokio::test]
async fn a_deadlock_victim_is_retried() {
    for bench in Bench::both().await {
        let url = bench.url_with("deadlock_timeout=10ms");
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let mut lane = bench.session().await;
        lane.run("BEGIN; SELECT FROM messaging.lane FOR UPDATE").await;
        let mut rival = bench.session().await;
        rival
        .run(
            "SET deadlock_timeout = '1h'; BEGIN;
            INSERT INTO messaging.message VALUES ((SELECT id FROM messaging.conversation), 99, gen_random_uuid(),
                1, 2, 'client-1', '1', '', NULL, now(), 0, 1)",
        )
        .await;
        let (lost, ()) = tokio::join!(async { store.append(&send(1)).await }, async {
            bench.until_waiting(1).await;
            let ((), ()) = tokio::join!(
                rival.run("SELECT FROM messaging.conversation FOR UPDATE"),
                async {
                    bench.until_blocked_by_a_step().await;
                    lane.release().await;
                }
            );
        });
        let error = lost.unwrap_err();
        check(&error, StoreErrorKind::Retry);
        assert_eq!(code(&error).as_deref(), Some("40P01"));
        rival.release().await;
        assert!(is_stored(&store, 1).await);
        assert_eq!(bench.messages().await, 1);
    }
}

#[tokio::test]
async fn a_probe_reports_whether_writes_succeed_and_changes_nothing() {
    let bench = Bench::new().await;
    let store = bench.store();
    store.probe_writes(at(1)).await.unwrap();
    store.probe_writes(at(2)).await.unwrap();
    assert_eq!(bench.messages().await, 0);
    let url = bench.url_with("default_transaction_read_only=on");
    let read_only = PgStore::from_url(&url, &bench.options()).unwrap();
    check(
        &read_only.probe_writes(at(3)).await.unwrap_err(),
        StoreErrorKind::ReadOnly,
    );
    assert!(
        read_only
            .find_conversation(conversation_id(1_001).into())
            .await
            .is_ok()
    );
}

/// A full disk may have space for a probe, but not for a message.
#[tokio::test]
async fn a_probe_includes_a_recently_refused_write() {
    for bench in Bench::both().await {
        let mut session = bench.session().await;
        session
            .run(
                "CREATE FUNCTION messaging.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
                CREATE TRIGGER no_space BEFORE INSERT ON messaging.message
                    EXECUTE FUNCTION messaging.no_space()",
            )
            .await;
        let (store, other) = (bench.store(), bench.store());
        store.probe_writes(at(1)).await.unwrap();
        check(
            &store.append(&send(1)).await.unwrap_err(),
            StoreErrorKind::ReadOnly,
        );
        check(
            &store.probe_writes(at(2)).await.unwrap_err(),
            StoreErrorKind::ReadOnly,
        );
        other.probe_writes(at(2)).await.unwrap();
    }
}

/// A load balancer that removes a busy server moves its load to the others.
#[tokio::test]
async fn a_probe_waiting_for_a_lock_is_ready_and_a_full_disk_is_not() {
    let bench = Bench::new().await;
    let options = bench.options().with_lock_timeout(Duration::from_millis(50));
    let store = bench.store_with(&options);
    let (messaging, _workers) = Messaging::builder(store.clone(), FakeDirectory::new())
        .clock(ManualClock::new())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    let takes_writes = async || messaging.operations().health().await.unwrap().takes_writes;
    assert!(takes_writes().await);
    let mut rival = bench.session().await;
    rival.run("BEGIN; SELECT FROM messaging.probe FOR UPDATE").await;
    check(&store.probe_writes(at(1)).await.unwrap_err(), UNAVAILABLE);
    assert!(takes_writes().await);
    rival.release().await;
    bench
        .session()
        .await
        .run(
            "CREATE FUNCTION messaging.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
            CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON messaging.probe
                EXECUTE FUNCTION messaging.no_space()",
        )
        .await;
    assert!(!takes_writes().await);
}
