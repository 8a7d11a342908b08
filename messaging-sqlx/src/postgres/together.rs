//! Every promise, kept by the statement for many: here one message is enough for it.

use std::sync::LazyLock;

use messaging_test_postgres::Schema;

use super::{ClockCheck, PgOptions, PgStore, SchemaName};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

async fn fresh_store() -> (PgStore, Schema) {
    let schema = Schema::fresh();
    let options = PgOptions::default()
        .with_schema(SchemaName::parse(schema.name()).unwrap())
        .with_clock_check(ClockCheck::Off)
        .with_together_from(1);
    let store = PgStore::from_url(schema.url(), &options).unwrap();
    store.migrate().await.unwrap();
    (store, schema)
}

messaging_testkit::conformance!(block_on, fresh_store);
