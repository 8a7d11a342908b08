//! The connections of a store are separate from the host's pool.

use futures_util::future::join_all;
use messaging_core::store::{ConversationStore as _, Publisher};
use messaging_sqlx::{PgOptions, PgStore, postgres::ClockCheck};
use messaging_test_postgres::{How, PgServer};
use messaging_testkit::make::{booking, conversation_id, plan};
use sqlx::{ConnectOptions as _, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::support::postgres::{Bench, UNAVAILABLE, check, each_step, is_stored};

/// Only the host's statements in its own transaction use its pool.
#[tokio::test]
async fn the_hosts_pool_serves_only_the_hosts_transactions() {
    let bench = Bench::new().await;
    let pool = bench.pool(1);
    let store = PgStore::with_options(pool.clone(), &bench.options());
    // The store finds out over its own connections that the schema is migrated.
    store.migrate().await.unwrap();
    for step in each_step(&store).await {
        step.unwrap();
    }
    assert_eq!(pool.size(), 0);

    let mut tx = pool.begin().await.unwrap();
    let plan = plan(9, 1).with_booking_id(Some(booking("b")));
    assert!(store.open_in_transaction(&mut tx, &plan).await.unwrap().created);
    // The host's only connection is in use, and no step needs it.
    assert_eq!(store.find_conversation(plan.id.into()).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!(store.list_bookings(plan.id).await.unwrap(), [booking("b")]);
}

#[tokio::test]
async fn a_store_opens_five_own_connections_or_the_configured_number() {
    let bench = Bench::new().await;
    for (options, connections) in [(bench.options(), 5), (bench.options().with_max_connections(2), 2)] {
        let store = PgStore::with_options(bench.pool(9), &options);
        bench.until_gone().await;
        let mut shut = bench.session().await;
        shut.run("BEGIN; LOCK TABLE messaging.conversation IN ACCESS EXCLUSIVE MODE")
            .await;
        let reads = (0..20).map(|_| store.find_summary(conversation_id(1_001)));
        let (answers, ()) = tokio::join!(join_all(reads), async {
            bench.until_waiting(connections).await;
            // All twenty steps have requested a connection by now.
            assert_eq!(bench.connections().await, connections);
            shut.release().await;
        });
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(bench.connections().await, connections);
        store.close().await;
        bench.until_gone().await;
    }
}

#[tokio::test]
async fn the_store_and_the_hosts_pool_are_closed_independently() {
    let bench = Bench::new().await;
    let pool = bench.pool(1);
    let store = PgStore::with_options(pool.clone(), &bench.options());
    let other = PgStore::with_options(pool.clone(), &bench.options());
    assert!(is_stored(&store, 1).await);
    store.close().await;
    let closed = store.find_conversation(conversation_id(1_001).into()).await;
    check(&closed.unwrap_err(), UNAVAILABLE);
    assert!(!pool.is_closed());
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();

    pool.close().await;
    assert!(is_stored(&other, 2).await);
}

/// A server on which a role has a password, and a session that may change it.
struct Guarded {
    server: PgServer,
    admin: PgConnection,
}

impl Guarded {
    async fn new(password: &str) -> Self {
        let server = PgServer::start();
        let mut admin = connect(&server).await;
        // Only this role needs a password.
        let demand = format!(
            "CREATE ROLE host LOGIN SUPERUSER PASSWORD '{password}';
            DO $$ BEGIN EXECUTE format('COPY (SELECT unnest(ARRAY[%L, %L])) TO %L',
            'host all host 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust',
            current_setting('hba_file')); END $$"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(demand))
            .execute(&mut admin)
            .await
            .unwrap();
        server.restart(How::Fast);
        let admin = connect(&server).await;
        Self { server, admin }
    }

    /// The connection options of a host that knows the password.
    fn host(&self, password: &str) -> PgConnectOptions {
        let url = format!(
            "postgres://host:{password}@127.0.0.1:{}/postgres",
            self.server.port()
        );
        url.parse().unwrap()
    }

    /// Changes the password, and terminates all other sessions of the role.
    async fn change_password(&mut self, password: &str) {
        let change = format!(
            "ALTER ROLE host PASSWORD '{password}';
            SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'host'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(change))
            .execute(&mut self.admin)
            .await
            .unwrap();
    }
}

async fn connect(server: &PgServer) -> PgConnection {
    let admin: PgConnectOptions = server.admin_url().parse().unwrap();
    admin.connect().await.unwrap()
}

#[tokio::test]
async fn a_password_set_on_the_hosts_pool_applies_to_the_store() {
    let mut guarded = Guarded::new("before").await;
    let pool = PgPool::connect_lazy_with(guarded.host("before"));
    let options = PgOptions::default().with_clock_check(ClockCheck::Off);
    let store = PgStore::with_options(pool.clone(), &options);
    store.migrate().await.unwrap();
    store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();

    guarded.change_password("after").await;
    let id = conversation_id(1_001);
    // The terminated connection is one failure, and the wrong password the next.
    assert!(store.find_conversation(id.into()).await.is_err());
    assert!(store.find_conversation(id.into()).await.is_err());
    pool.set_connect_options(guarded.host("after"));
    assert!(store.find_conversation(id.into()).await.unwrap().is_some());
}
