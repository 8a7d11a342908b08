use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use messaging_test_postgres::Schema;
use proptest::{prelude::*, test_runner::Config};

use crate::same_as_memory::{
    pair::{Backend, check},
    steps,
};

struct InSchema {
    store: PgStore,
    schema: Schema,
}

impl Backend for InSchema {
    type Store = PgStore;

    async fn new() -> Self {
        let schema = Schema::fresh();
        let store = open(&schema);
        store.migrate().await.unwrap();
        Self { store, schema }
    }

    fn store(&self) -> &PgStore {
        &self.store
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.schema);
    }
}

fn open(schema: &Schema) -> PgStore {
    let options = PgOptions::default()
        .with_schema(SchemaName::parse(schema.name()).unwrap())
        .with_clock_check(ClockCheck::Off)
        .with_max_connections(1);
    PgStore::from_url(schema.url(), &options).unwrap()
}

// Fewer than on a file: each step is a call to a server.
proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn both_stores_return_the_same_results(steps in steps::any_number()) {
        check::<InSchema>(&steps);
    }
}
