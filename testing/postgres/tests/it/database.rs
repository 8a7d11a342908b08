use std::panic;

use messaging_test_postgres::{Database, How, PgServer};

use crate::{connect, run, value};

#[tokio::test]
async fn a_database_is_empty_and_private() {
    let (one, other) = (create().await, create().await);
    assert_ne!(one.name(), other.name());
    let mut connection = connect(one.url()).await;
    run(&mut connection, "CREATE TABLE here (number int)").await;
    let mut connection = connect(other.url()).await;
    let tables: i64 = value(
        &mut connection,
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
    )
    .await;
    assert_eq!(tables, 0);
    let encoding: String = value(&mut connection, "SHOW server_encoding").await;
    assert_eq!(encoding, "UTF8");
}

#[tokio::test]
async fn a_database_is_dropped_despite_connections() {
    let database = create().await;
    let mut connection = connect(database.url()).await;
    run(&mut connection, "BEGIN; CREATE TABLE open (number int)").await;
    let name = database.name().to_owned();
    drop(database);
    assert!(!exists(&name).await);
}

#[tokio::test]
async fn a_panic_drops_the_database() {
    let database = create().await;
    let name = database.name().to_owned();
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(move || {
        assert!(database.name().is_empty(), "the intended panic");
    }));
    assert!(panicked.is_err());
    assert!(!exists(&name).await);
}

#[test]
fn dropping_a_database_of_a_stopped_server_does_nothing() {
    let server = PgServer::start();
    let database = Database::create_blocking(&server);
    server.stop(How::Immediate);
    drop(database);
}

async fn create() -> Database {
    Database::create(PgServer::shared()).await
}

async fn exists(name: &str) -> bool {
    let mut admin = connect(&PgServer::shared().admin_url()).await;
    let query = format!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')");
    value(&mut admin, &query).await
}
