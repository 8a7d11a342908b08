use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use messaging_test_postgres::Schema;

use crate::conformance::block_on;

async fn fresh_store() -> (PgStore, Schema) {
    store_at("").await
}

/// Creates an empty store on connections with these parameters in their URL.
pub(crate) async fn store_at(parameters: &str) -> (PgStore, Schema) {
    store_with(PgOptions::default(), parameters).await
}

pub(crate) async fn store_with(options: PgOptions, parameters: &str) -> (PgStore, Schema) {
    let schema = Schema::fresh();
    let options = options
        .with_schema(SchemaName::parse(schema.name()).expect("the schema's name is valid"))
        .with_clock_check(ClockCheck::Off);
    let url = format!("{}{parameters}", schema.url());
    let store = PgStore::from_url(&url, &options).expect("a URL");
    store.migrate().await.expect("the database can be migrated");
    (store, schema)
}

messaging_testkit::conformance!(
    block_on,
    fresh_store,
    [digests, push, moderation, audit, activity, erasure, recount],
);
