use messaging_test_postgres::Schema;
use sqlx::PgConnection;

use crate::{connect, eventually, run, value};

#[tokio::test]
async fn dropping_a_schema_removes_its_contents() {
    let schema = Schema::fresh();
    let mut connection = connect(schema.url()).await;
    fill(&mut connection, schema.name()).await;
    let name = schema.name().to_owned();
    drop(schema);
    gone(&mut connection, &name).await;
}

#[tokio::test]
async fn an_open_transaction_blocks_only_its_own_schema() {
    let (held, free) = (Schema::fresh(), Schema::fresh());
    let mut holder = connect(held.url()).await;
    fill(&mut holder, held.name()).await;
    run(
        &mut holder,
        &format!("BEGIN; SELECT * FROM {}.first", held.name()),
    )
    .await;
    let mut connection = connect(free.url()).await;
    fill(&mut connection, free.name()).await;
    let name = free.name().to_owned();
    drop((held, free));
    gone(&mut connection, &name).await;
}

#[tokio::test]
async fn dropping_a_missing_schema_does_nothing() {
    drop(Schema::fresh());
    let schema = Schema::fresh();
    let mut connection = connect(schema.url()).await;
    fill(&mut connection, schema.name()).await;
    let name = schema.name().to_owned();
    drop(schema);
    gone(&mut connection, &name).await;
}

async fn fill(connection: &mut PgConnection, name: &str) {
    run(
        connection,
        &format!(
            "CREATE SCHEMA {name};
             CREATE TABLE {name}.first (id bigint PRIMARY KEY);
             CREATE TABLE {name}.second (first bigint REFERENCES {name}.first)"
        ),
    )
    .await;
}

async fn gone(connection: &mut PgConnection, name: &str) {
    let exists = format!("SELECT to_regnamespace('{name}') IS NOT NULL");
    eventually("the schema is gone", async || {
        !value::<bool>(connection, &exists).await
    })
    .await;
}
