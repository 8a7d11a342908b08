use messaging_test_postgres::{Database, PgBouncer, PgServer, Wire};
use sqlx::{Connection as _, PgConnection};

use crate::{connect, run, value};

#[tokio::test]
async fn clients_share_connections_between_transactions() {
    if !PgBouncer::is_installed_for("sharing connections") {
        return;
    }
    let database = Database::create(PgServer::shared()).await;
    let one = [("default_pool_size", "1")];
    let bouncer = PgBouncer::start_with(PgServer::shared(), database.name(), &one);
    let mut ada = connect(&bouncer.url()).await;
    let mut bob = connect(&bouncer.url()).await;
    let connection = "SELECT pg_backend_pid()";
    let of_ada: i32 = simple(&mut ada, connection).await;
    let of_bob: i32 = simple(&mut bob, connection).await;
    assert_eq!(of_ada, of_bob);
}

#[tokio::test]
async fn a_prepared_statement_does_not_survive_its_transaction() {
    if !PgBouncer::is_installed_for("preparing statements") {
        return;
    }
    let database = Database::create(PgServer::shared()).await;
    // Every version does this by default; newer ones can keep prepared statements if configured.
    let bouncer = PgBouncer::start(PgServer::shared(), database.name());
    let mut ada = connect(&bouncer.url()).await;
    let mut bob = connect(&bouncer.url()).await;
    let statement = "SELECT 1";
    assert_eq!(value::<i32>(&mut ada, statement).await, 1);
    // Both clients use the same statement name on the same server connection.
    let clash = sqlx::query(statement).execute(&mut bob).await.unwrap_err();
    assert_eq!(clash.as_database_error().unwrap().code().unwrap(), "42P05");
}

#[tokio::test]
async fn a_wire_can_connect_to_the_pooler() {
    if !PgBouncer::is_installed_for("a wire to PgBouncer") {
        return;
    }
    let database = Database::create(PgServer::shared()).await;
    let bouncer = PgBouncer::start(PgServer::shared(), database.name());
    let wire = Wire::to(bouncer.port());
    let mut connection = connect(&wire.url(database.name())).await;
    run(&mut connection, "CREATE TABLE here (number int)").await;
    connection.close().await.unwrap();
    assert_eq!(wire.counts().statements, 1);
}

#[tokio::test]
async fn a_dropped_pooler_is_stopped() {
    if !PgBouncer::is_installed_for("ending PgBouncer") {
        return;
    }
    let bouncer = PgBouncer::start(PgServer::shared(), "postgres");
    let url = bouncer.url();
    connect(&url).await.close().await.unwrap();
    assert!(bouncer.log().contains("listening"));
    drop(bouncer);
    assert!(PgConnection::connect(&url).await.is_err());
}

/// Returns the single value of a query that is not prepared.
async fn simple<T>(connection: &mut PgConnection, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    use sqlx::{Executor as _, Row as _};
    connection
        .fetch_one(sqlx::raw_sql(sql))
        .await
        .expect("a row")
        .get(0)
}
