//! A network that stops forwarding data while every connection stays open.

use std::time::Duration;

use messaging_core::store::{Appended, ConversationStore as _, StoreErrorKind::OutcomeUnknown};
use messaging_sqlx::PgStore;
use messaging_test_postgres::{Fault, Statement, Wire};
use messaging_testkit::make::conversation_id;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::support::postgres::{Bench, UNAVAILABLE, check, is_stored, send};

const SOON: Duration = Duration::from_secs(2);

/// A host's pool of two connections through a wire.
async fn through_a_wire(bench: &Bench) -> (Wire, PgPool) {
    let (wire, url) = bench.wire();
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await;
    (wire, pool.unwrap())
}

#[tokio::test]
async fn a_stalled_write_times_out_and_other_connections_work() {
    for bench in Bench::both().await {
        let (wire, pool) = through_a_wire(&bench).await;
        let store = PgStore::on_pool(pool, &bench.options().with_statement_timeout(SOON));
        store
            .find_conversation(conversation_id(1_001).into())
            .await
            .unwrap();
        let armed = wire.arm(Fault::Stall(Statement::containing(".message (")));
        check(&store.append(&send(1)).await.unwrap_err(), OutcomeUnknown);
        assert!(armed.has_happened());
        assert!(is_stored(&bench.store(), 2).await, "elsewhere");

        wire.release();
        let patient = bench.store();
        let repeated = patient.append(&send(1)).await.unwrap();
        assert!(matches!(repeated, Appended::Stored(_) | Appended::Duplicate(_)));
        assert_eq!(bench.messages().await, 2);
    }
}

#[tokio::test]
async fn a_stalled_read_times_out() {
    let bench = Bench::new().await;
    let (wire, pool) = through_a_wire(&bench).await;
    let options = bench.options().with_acquire_timeout(SOON);
    let store = PgStore::on_pool(pool, &options.with_statement_timeout(SOON));
    let id = conversation_id(1_001);
    store.find_conversation(id.into()).await.unwrap();
    wire.arm(Fault::Stall(Statement::Any));
    check(
        &store.find_conversation(id.into()).await.unwrap_err(),
        UNAVAILABLE,
    );
    // No other connection can be opened either.
    check(
        &store.find_conversation(id.into()).await.unwrap_err(),
        UNAVAILABLE,
    );
    wire.release();
    let patient = bench.store();
    assert!(patient.find_conversation(id.into()).await.unwrap().is_some());
}

#[tokio::test]
async fn the_first_step_of_a_store_times_out_too() {
    for bench in Bench::both().await {
        let (wire, pool) = through_a_wire(&bench).await;
        let store = PgStore::on_pool(pool, &bench.options().with_acquire_timeout(SOON));
        let armed = wire.arm(Fault::Stall(Statement::Any));
        check(&store.append(&send(1)).await.unwrap_err(), UNAVAILABLE);
        assert!(armed.has_happened());
        wire.release();
        assert!(
            is_stored(&bench.store(), 1).await,
            "the failed step stored nothing"
        );
    }
}

#[tokio::test]
async fn a_pool_from_a_url_times_out_on_a_silent_server() {
    for bench in Bench::both().await {
        let (wire, url) = bench.wire();
        let store = PgStore::from_url(&url, &bench.options().with_statement_timeout(SOON)).unwrap();
        // A generous limit for a slow machine.
        while store
            .find_conversation(conversation_id(1_001).into())
            .await
            .is_err()
        {}
        let armed = wire.arm(Fault::Stall(Statement::containing(".message (")));
        check(&store.append(&send(1)).await.unwrap_err(), OutcomeUnknown);
        assert!(armed.has_happened());
        wire.release();
        assert!(matches!(
            bench.store().append(&send(1)).await.unwrap(),
            Appended::Stored(_) | Appended::Duplicate(_)
        ));
        assert_eq!(bench.messages().await, 1);
    }
}
