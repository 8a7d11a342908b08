//! Concurrent migrations of one schema, some of which are interrupted.

use futures_util::future::{join_all, try_join_all};
use messaging_core::store::{ConversationStore as _, StoreError, StoreErrorKind};
use messaging_sqlx::PgStore;
use messaging_test_postgres::{Fault, Statement};
use messaging_testkit::make::conversation_id;
use tokio::task::JoinHandle;

use crate::support::postgres::{Bench, Session, UNAVAILABLE, check, code, tables};

/// Starts a migration, which waits for any other one.
fn migrate(store: &PgStore) -> JoinHandle<Result<(), StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { store.migrate().await })
}

/// An unfinished migration: it holds the lock, and has created the schema and tables.
async fn unfinished_migration(bench: &Bench) -> Session {
    let mut session = bench.session().await;
    let schema = bench.name();
    let begun = format!(
        r#"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('migrating "{schema}"', 0));
        CREATE SCHEMA {schema}; CREATE TABLE messaging.migration (version integer PRIMARY KEY);
        INSERT INTO messaging.migration VALUES (1); CREATE TABLE messaging.conversation (n integer)"#
    );
    session.run(&begun).await;
    session
}

async fn terminate_backend(connection: &mut sqlx::PgConnection, pid: i32) {
    let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
        .bind(pid)
        .fetch_one(connection)
        .await
        .unwrap();
    assert!(ended);
}

/// Returns the applied versions, as recorded in the ledger.
async fn applied_versions(bench: &Bench) -> Vec<i32> {
    let mut session = bench.session().await;
    let versions = format!("SELECT version FROM {}.migration", bench.name());
    let versions = sqlx::query_scalar(sqlx::AssertSqlSafe(versions));
    versions.fetch_all(&mut session.connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_stores_migrate_a_new_schema_at_once_and_it_is_applied_once() {
    for _ in 0..5 {
        let bench = Bench::unmigrated();
        let stores: Vec<_> = (0..8).map(|_| bench.store()).collect();
        let migrating = stores.iter().map(migrate);
        for migrated in try_join_all(migrating).await.unwrap() {
            migrated.unwrap();
        }
        for store in &stores {
            store.find_conversation(conversation_id(1).into()).await.unwrap();
        }
        assert_eq!(applied_versions(&bench).await, [1]);
        join_all(stores.iter().map(PgStore::close)).await;
    }
}

#[tokio::test]
async fn a_killed_migrator_leaves_nothing_and_a_waiting_one_continues() {
    let bench = Bench::unmigrated();
    let mut killed = unfinished_migration(&bench).await;
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut killed.connection)
        .await
        .unwrap();
    let waiting = migrate(&bench.store());
    bench.until_waiting(1).await;
    terminate_backend(&mut bench.session().await.connection, pid).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(applied_versions(&bench).await, [1]);
    assert!(
        tables(&mut bench.session().await.connection, bench.name())
            .await
            .len()
            > 5
    );
}

/// The store's own migration, blocked midway by a table that another session is creating.
#[tokio::test]
async fn a_terminated_migration_is_rolled_back_and_a_waiting_one_continues() {
    let bench = Bench::unmigrated();
    let schema = bench.name();
    let mut other_session = bench.session().await;
    other_session
        .run(&format!(
            "CREATE SCHEMA {schema}; BEGIN; CREATE TABLE messaging.lane (n integer)"
        ))
        .await;
    let killed = migrate(&bench.store());
    bench.until_waiting(1).await;
    let migrator_pid = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'",
    )
    .bind(schema)
    .fetch_one(&mut other_session.connection)
    .await
    .unwrap();
    let waiting = migrate(&bench.store());
    bench.until_waiting(2).await;
    terminate_backend(&mut other_session.connection, migrator_pid).await;
    check(&killed.await.unwrap().unwrap_err(), UNAVAILABLE);
    other_session.release().await;
    waiting.await.unwrap().unwrap();
    assert_eq!(applied_versions(&bench).await, [1]);
}

#[tokio::test]
async fn a_migrator_with_a_cut_connection_leaves_all_or_nothing() {
    let script = || Statement::containing("CREATE TABLE");
    let commit = || Statement::containing("COMMIT");
    for (fault, expected) in [
        (Fault::CutBeforeRequest(script()), vec![]),
        (Fault::CutAfterAnswer(script()), vec![]),
        (Fault::CutBeforeRequest(commit()), vec![]),
        // The schema exists, and migrating again detects it.
        (Fault::CutAfterAnswer(commit()), vec![1]),
    ] {
        let bench = Bench::unmigrated();
        let (wire, url) = bench.wire();
        let cut = PgStore::from_url(&url, &bench.options()).unwrap();
        let armed = wire.arm(fault.clone());
        check(&cut.migrate().await.unwrap_err(), UNAVAILABLE);
        assert!(armed.has_happened(), "{fault:?}");
        bench.until_gone().await;
        let left = tables(&mut bench.session().await.connection, bench.name()).await;
        assert_eq!(left.is_empty(), expected.is_empty(), "{fault:?}: {left:?}");
        if !expected.is_empty() {
            assert_eq!(applied_versions(&bench).await, expected);
        }
        cut.migrate().await.unwrap();
        assert_eq!(applied_versions(&bench).await, [1]);
    }
}

/// Another migrator begins before the server has noticed that the first is disconnected.
#[tokio::test]
async fn a_waiting_migrator_continues_after_the_other_is_disconnected() {
    let bench = Bench::unmigrated();
    let (wire, url) = bench.wire();
    let stalled = PgStore::from_url(&url, &bench.options()).unwrap();
    let mut armed = wire.arm(Fault::Stall(Statement::containing("COMMIT")));
    let killed = migrate(&stalled);
    armed.happened().await;
    let waiting = migrate(&bench.store());
    bench.until_waiting(1).await;
    drop(wire);
    check(&killed.await.unwrap().unwrap_err(), UNAVAILABLE);
    waiting.await.unwrap().unwrap();
    assert_eq!(applied_versions(&bench).await, [1]);
}

#[tokio::test]
async fn the_hosts_statement_timeout_does_not_end_a_waiting_migration() {
    for setting in ["statement_timeout=250", "lock_timeout=250"] {
        let bench = Bench::unmigrated();
        let impatient = PgStore::from_url(&bench.url_with(setting), &bench.options()).unwrap();
        let mut first = unfinished_migration(&bench).await;
        let mut waiting = migrate(&impatient);
        tokio::select! {
            ended = &mut waiting => panic!("{setting}: {ended:?}"),
            () = bench.until_waiting_for_long() => first.run("ROLLBACK").await,
        }
        waiting.await.unwrap().unwrap();
        assert_eq!(applied_versions(&bench).await, [1]);
    }
}

#[tokio::test]
async fn serializable_transactions_see_concurrent_migrations() {
    for level in ["repeatable%5C%20read", "serializable"] {
        let bench = Bench::unmigrated();
        let url = bench.url_with(&format!("default_transaction_isolation={level}"));
        let strict = PgStore::from_url(&url, &bench.options()).unwrap();
        let mut first = bench.session().await;
        let schema = bench.name();
        let lock =
            format!(r#"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('migrating "{schema}"', 0))"#);
        first.run(&lock).await;
        let waiting = migrate(&strict);
        bench.until_waiting(1).await;
        for script in bench.store().migrator().scripts() {
            first.run(&script).await;
        }
        first.run("COMMIT").await;
        waiting.await.unwrap().unwrap();
        assert_eq!(applied_versions(&bench).await, [1]);
        strict.find_conversation(conversation_id(1).into()).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_only_database_cannot_be_migrated() {
    let bench = Bench::unmigrated();
    let url = bench.url_with("default_transaction_read_only=on");
    let store = PgStore::from_url(&url, &bench.options()).unwrap();
    let error = store.migrate().await.unwrap_err();
    check(&error, StoreErrorKind::ReadOnly);
    assert_eq!(code(&error).as_deref(), Some("25006"));
}
