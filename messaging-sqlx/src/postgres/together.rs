//! Runs the conformance suite with every message appended by the statement for many.

use std::sync::LazyLock;

use messaging_test_postgres::Schema;
use messaging_testkit::{Backend, BoxFuture, Fresh};

use super::{ClockCheck, PgOptions, PgStore, SchemaName};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

struct Batches;

impl Backend for Batches {
    fn run(&self, future: BoxFuture<'_, ()>) {
        RUNTIME.block_on(future);
    }

    fn fresh(&self) -> BoxFuture<'_, Fresh> {
        Box::pin(async {
            let schema = Schema::fresh();
            let options = PgOptions::default()
                .with_schema(SchemaName::parse(schema.name()).unwrap())
                .with_clock_check(ClockCheck::Off)
                .with_batch_threshold(1);
            let store = PgStore::from_url(schema.url(), &options).unwrap();
            store.migrate().await.unwrap();
            Fresh::new(store, schema)
        })
    }
}

#[test]
fn the_conformance_suite_passes() {
    for case in messaging_testkit::cases() {
        println!("{case:?}");
        case.run(&Batches);
    }
}

#[test]
fn a_few_sequences_of_steps_match_the_model() {
    messaging_testkit::compare_with_model_briefly(&Batches, 80);
}

#[test]
fn a_storm_causes_no_discrepancy() {
    messaging_testkit::storm(&Batches);
}
