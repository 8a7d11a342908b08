//! `PgBouncer` in transaction mode before version 1.21 or with its default settings: a pooler that is not
//! declared causes a clear error. (The conformance suite covers the store's behaviour behind a pooler.)

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::store::{ConversationStore as _, Publisher, StoreErrorKind};
use messaging_sqlx::{
    PgOptions, PgStore,
    postgres::{
        ClockCheck,
        Pooler::{Session, Transaction},
    },
};
use messaging_test_postgres::{Database, PgBouncer, PgServer};
use messaging_testkit::{
    make::{booking_id, conversation_id, plan},
    recount,
};
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support::postgres::{UNAVAILABLE, check, code, each_step};

/// A database behind a pooler that has one connection to it, shared by all clients.
struct Behind {
    pooler: PgBouncer,
    database: Database,
}

impl Behind {
    /// Returns `None` and prints that the test is skipped if no such pooler is installed.
    async fn start(what: &str) -> Option<Self> {
        if !PgBouncer::is_installed_for(what) {
            return None;
        }
        let database = Database::create(PgServer::shared()).await;
        let one = [("default_pool_size", "1")];
        let pooler = PgBouncer::start_with(PgServer::shared(), database.name(), &one);
        Some(Self { pooler, database })
    }

    /// A store on the database itself, migrated.
    async fn migrated(&self) -> PgStore {
        let direct = PgStore::from_url(self.database.url(), &PgOptions::default()).unwrap();
        direct.migrate().await.unwrap();
        direct
    }

    /// A host's pool of one connection through the pooler.
    fn pool(&self) -> PgPool {
        let connect: PgConnectOptions = self.pooler.url().parse().unwrap();
        PgPoolOptions::new().max_connections(1).connect_lazy_with(connect)
    }
}

#[tokio::test]
async fn a_hosts_pool_behind_a_pooler_is_migrated_and_used() {
    let Some(behind) = Behind::start("a host's pool behind a pooler").await else {
        return;
    };
    let options = PgOptions::default().with_pooler(Transaction);
    let stores = [(); 3].map(|()| PgStore::on_pool(behind.pool(), &options));
    stores[0].migrate().await.unwrap();
    let opened = stores.iter().zip(1..).map(async |(store, n)| {
        let opened = store.open(&plan(n, 1), Publisher::Anyone).await;
        opened.unwrap().created
    });
    assert_eq!(join_all(opened).await, [true; 3]);
    recount(&stores[1]).await.unwrap().assert_clean();
}

#[tokio::test]
async fn a_hosts_transaction_through_a_pooler_opens_a_conversation() {
    let Some(behind) = Behind::start("a host's transaction through a pooler").await else {
        return;
    };
    let direct = behind.migrated().await;
    let store = PgStore::on_pool(behind.pool(), &PgOptions::default().with_pooler(Transaction));
    let mut plan = plan(1, 1);
    plan.booking_id = Some(booking_id(1, 1));
    // The pooler's only connection belongs to the transaction: the store needs no other.
    let mut host = PgConnection::connect(&behind.pooler.url()).await.unwrap();
    for (commits, created) in [(false, true), (true, true), (true, false)] {
        let mut tx = host.begin().await.unwrap();
        let opened = store.open_in_transaction(&mut tx, &plan).await.unwrap();
        assert_eq!((opened.id, opened.created), (plan.id, created));
        if commits {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        let found = direct.find_conversation(plan.id.into()).await.unwrap();
        assert_eq!(found.is_some(), commits);
    }
    let bookings = direct.list_bookings(plan.id).await.unwrap();
    assert_eq!(bookings, [booking_id(1, 1)]);
}

#[tokio::test]
async fn a_url_of_an_undeclared_pooler_is_refused() {
    let Some(behind) = Behind::start("a URL of a pooler").await else {
        return;
    };
    behind.migrated().await;
    let store = PgStore::from_url(&behind.pooler.url(), &PgOptions::default().with_pooler(Session)).unwrap();
    let id = conversation_id(1_001);
    for error in [
        store.migrate().await.unwrap_err(),
        store.find_conversation(id.into()).await.unwrap_err(),
    ] {
        // The pooler accepts no statement timeout, since its clients share connections.
        check(&error, UNAVAILABLE);
        assert_eq!(code(&error).as_deref(), Some("08P01"));
    }
}

/// Each pool of a host gives its first prepared statement the same name, which the pooler's only connection
/// knows already.
#[tokio::test]
async fn prepared_statements_clash_through_an_undeclared_pooler() {
    let Some(behind) = Behind::start("preparing statements through a pooler").await else {
        return;
    };
    let direct = behind.migrated().await;
    let session = PgOptions::default().with_pooler(Session);
    let [first, second] = [(); 2].map(|()| PgStore::on_pool(behind.pool(), &session));
    assert!(first.open(&plan(1, 1), Publisher::Anyone).await.unwrap().created);
    let error = second.open(&plan(2, 1), Publisher::Anyone).await.unwrap_err();
    check(&error, StoreErrorKind::Internal);
    assert_eq!(code(&error).as_deref(), Some("42P05"));
    let recounted = recount(&direct).await.unwrap();
    recounted.assert_clean();
    assert_eq!(recounted.conversations(), 1);
}

/// The store detects a pooler that the host has not declared.
#[tokio::test]
async fn a_store_beside_a_hosts_pool_works_behind_an_undeclared_pooler() {
    let Some(behind) = Behind::start("a store beside a host's pool, behind a pooler").await else {
        return;
    };
    let options = PgOptions::default().with_clock_check(ClockCheck::Off);
    let [first, second] = [(); 2].map(|()| PgStore::with_options(behind.pool(), &options));
    let pool = behind.pool();
    let third = PgStore::with_options(pool.clone(), &options);
    // The store has opened no connection of its own yet, and has not detected the pooler.
    first.migrate().await.unwrap();
    for n in 5..7 {
        let mut tx = pool.begin().await.unwrap();
        assert!(
            third
                .open_in_transaction(&mut tx, &plan(n, 1))
                .await
                .unwrap()
                .created
        );
        tx.commit().await.unwrap();
    }
    for step in each_step(&first).await {
        step.unwrap();
    }
    let stores = [&first, &second, &third];
    let opened = stores.into_iter().zip(2..).map(async |(store, n)| {
        let opened = store.open(&plan(n, 2), Publisher::Anyone).await;
        opened.unwrap().created
    });
    assert_eq!(join_all(opened).await, [true; 3]);
    recount(&second).await.unwrap().assert_clean();
}

/// Each transaction has the settings, and leaves none on the connection, which other clients share.
#[tokio::test]
async fn a_step_through_a_pooler_observes_the_stores_timeouts() {
    let Some(behind) = Behind::start("the settings of a step through a pooler").await else {
        return;
    };
    behind.migrated().await;
    let limit = Duration::from_millis(200);
    let options = PgOptions::default().with_pooler(Transaction);
    let through = |options: &PgOptions| {
        [
            PgStore::with_options(behind.pool(), &options.clone().with_pooler(Session)),
            PgStore::on_pool(behind.pool(), options),
            PgStore::from_url(&behind.pooler.url(), options).unwrap(),
        ]
    };
    let mut other_session = PgConnection::connect(behind.database.url()).await.unwrap();
    for (options, ended) in [
        (options.clone().with_statement_timeout(limit), "57014"),
        (options.with_lock_timeout(limit), "55P03"),
    ] {
        for store in through(&options) {
            // The check of the schema has no server-side timeout.
            store.find_conversation(conversation_id(1).into()).await.unwrap();
            let mut tx = other_session.begin().await.unwrap();
            let lock = "LOCK TABLE messaging.conversation IN ACCESS EXCLUSIVE MODE";
            sqlx::raw_sql(lock).execute(&mut *tx).await.unwrap();
            let error = store
                .find_conversation(conversation_id(1).into())
                .await
                .unwrap_err();
            check(&error, UNAVAILABLE);
            assert_eq!(code(&error).as_deref(), Some(ended));
            tx.rollback().await.unwrap();
        }
    }
    // The pooler's only connection, outside of any transaction.
    let mut shared = PgConnection::connect(&behind.pooler.url()).await.unwrap();
    for (name, of_server) in [("statement_timeout", "0"), ("lock_timeout", "0"), ("jit", "on")] {
        let show = sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(name);
        let shown = show.persistent(false).fetch_one(&mut shared).await.unwrap();
        assert_eq!(shown, of_server, "{name}");
    }
}
