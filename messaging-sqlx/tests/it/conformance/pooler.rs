//! The conformance suite behind `PgBouncer` in transaction mode, which keeps no prepared statements. The
//! store has more connections to the pooler than the pooler has to the server.

use std::sync::LazyLock;

use messaging_sqlx::{
    PgOptions, PgStore, SchemaName,
    postgres::{ClockCheck, Pooler},
};
use messaging_test_postgres::{PgBouncer, PgServer, Schema};
use messaging_testkit::{Backend, BoxFuture, Fresh};
use sqlx::postgres::PgConnectOptions;

use crate::conformance::block_on;

struct Behind;

/// The pooler that all these tests share.
static POOLER: LazyLock<PgBouncer> = LazyLock::new(|| {
    let url: PgConnectOptions = Schema::fresh().url().parse().expect("a URL");
    let database = url.get_database().expect("the URL names a database");
    let few = [("default_pool_size", "2")];
    PgBouncer::start_with(PgServer::shared(), database, &few)
});

impl Backend for Behind {
    fn run(&self, future: BoxFuture<'_, ()>) {
        block_on(future);
    }

    fn fresh(&self) -> BoxFuture<'_, Fresh> {
        Box::pin(async {
            let schema = Schema::fresh();
            let options = PgOptions::default()
                .with_schema(SchemaName::parse(schema.name()).expect("the schema's name is valid"))
                .with_clock_check(ClockCheck::Off)
                .with_pooler(Pooler::Transaction);
            let store = PgStore::from_url(&POOLER.url(), &options).expect("a URL");
            store.migrate().await.expect("the database can be migrated");
            Fresh::new(store, schema)
        })
    }
}

#[test]
fn the_conformance_suite_passes() {
    if PgBouncer::is_installed_for("the suite behind a pooler") {
        for case in messaging_testkit::cases() {
            println!("{case:?}");
            case.run(&Behind);
        }
    }
}

#[test]
fn a_few_sequences_of_steps_match_the_model() {
    if PgBouncer::is_installed_for("the model behind a pooler") {
        // The full number runs without a pooler; here, each call takes four round trips.
        messaging_testkit::compare_with_model_briefly(&Behind, 40);
    }
}

#[test]
fn a_storm_causes_no_discrepancy() {
    if PgBouncer::is_installed_for("a storm behind a pooler") {
        messaging_testkit::storm(&Behind);
    }
}
