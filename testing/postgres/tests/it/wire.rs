use std::time::Duration;

use messaging_test_postgres::{Counts, Database, Fault, PgServer, Statement, Wire};
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use crate::{connect, eventually, run, value};

/// A wire to a database with an empty table `kept`, a connection through it, and a direct one.
struct Scene {
    wire: Wire,
    database: Database,
    through: PgConnection,
    past: PgConnection,
}

#[tokio::test]
async fn forwarded_bytes_are_unchanged() {
    let mut scene = Scene::new().await;
    let long = "ä".repeat(100_000);
    let rows = sqlx::query("SELECT $1 || n AS text FROM generate_series(1, 20) n")
        .bind(&long)
        .fetch_all(&mut scene.through)
        .await
        .unwrap();
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[19].get::<String, _>("text"), long + "20");
    let refused = sqlx::query("SELECT 1 / $1")
        .bind(0)
        .execute(&mut scene.through)
        .await;
    assert!(refused.unwrap_err().as_database_error().is_some());
    scene.through.close().await.unwrap();
}

#[tokio::test]
async fn statements_round_trips_and_pings_are_counted() {
    let mut scene = Scene::new().await;
    let prepare = "SELECT $1::int";
    let counted = scene
        .counted(async |through| execute(through, prepare).await)
        .await;
    let prepared = counts(1, 2, 0);
    assert_eq!(
        counted, prepared,
        "the first execution prepares, in a round trip of its own"
    );
    let counted = scene
        .counted(async |through| execute(through, prepare).await)
        .await;
    assert_eq!(counted, counts(1, 1, 0));
    let counted = scene.counted(async |through| through.ping().await.unwrap()).await;
    assert_eq!(counted, counts(0, 0, 1));
    let counted = scene
        .counted(async |through| {
            let mut transaction = through.begin().await.unwrap();
            execute(&mut transaction, prepare).await;
            transaction.commit().await.unwrap();
        })
        .await;
    assert_eq!(counted, counts(3, 3, 0), "BEGIN and COMMIT are statements");
    let counted = scene
        .counted(async |through| run(through, "SELECT 1; SELECT 2").await)
        .await;
    assert_eq!(counted, counts(1, 1, 0), "a simple query is one round trip");
}

#[tokio::test]
async fn a_connection_cut_after_the_answer_has_committed() {
    let mut scene = Scene::new().await;
    let armed = scene
        .wire
        .arm(Fault::CutAfterAnswer(Statement::containing("COMMIT")));
    let mut transaction = scene.through.begin().await.unwrap();
    insert(&mut transaction, 1).await.unwrap();
    assert!(!armed.has_happened());
    let lost = transaction.commit().await.unwrap_err();
    assert!(matches!(lost, sqlx::Error::Io(_)), "{lost:?}");
    assert!(armed.has_happened());
    assert_eq!(scene.kept().await, 1);
}

#[tokio::test]
async fn a_connection_cut_before_the_request_has_not() {
    let mut scene = Scene::new().await;
    let armed = scene
        .wire
        .arm(Fault::CutBeforeRequest(Statement::containing("COMMIT")));
    let mut transaction = scene.through.begin().await.unwrap();
    insert(&mut transaction, 1).await.unwrap();
    let lost = transaction.commit().await.unwrap_err();
    assert!(matches!(lost, sqlx::Error::Io(_)), "{lost:?}");
    assert!(armed.has_happened());
    scene.rolled_back().await;
    assert_eq!(scene.kept().await, 0);
}

#[tokio::test]
async fn a_cut_applies_to_prepared_statements_and_happens_once() {
    for fault in [Fault::CutAfterAnswer, Fault::CutBeforeRequest] {
        let mut scene = Scene::new().await;
        insert(&mut scene.through, 1).await.unwrap();
        let armed = scene.wire.arm(fault(Statement::containing("INTO kept")));
        execute(&mut scene.through, "SELECT $1::int").await;
        assert!(!armed.has_happened());
        insert(&mut scene.through, 2).await.unwrap_err();
        assert!(armed.has_happened());
        scene.reconnect().await;
        insert(&mut scene.through, 3).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_connection_that_executes_is_cut() {
    let mut scene = Scene::new().await;
    let mut other = connect(&scene.wire.url(scene.database.name())).await;
    scene.wire.arm(Fault::CutBeforeRequest(Statement::Any));
    scene.through.ping().await.unwrap();
    insert(&mut scene.through, 1).await.unwrap_err();
    insert(&mut other, 2).await.unwrap();
    assert_eq!(scene.kept().await, 1);
}

#[tokio::test]
async fn an_answer_before_the_cut_arrives() {
    let mut scene = Scene::new().await;
    let transaction = scene.through.begin().await.unwrap();
    // The rollback is sent with the next request, and answered before it.
    drop(transaction);
    let armed = scene
        .wire
        .arm(Fault::CutAfterAnswer(Statement::containing("INTO kept")));
    insert(&mut scene.through, 1).await.unwrap_err();
    assert!(armed.has_happened());
    assert_eq!(scene.kept().await, 1);
}

#[tokio::test]
async fn a_stalled_wire_forwards_nothing_until_released() {
    let mut scene = Scene::new().await;
    let moment = Duration::from_millis(100);
    let url = scene.wire.url(scene.database.name());
    let mut other = connect(&url).await;
    let mut armed = scene.wire.arm(Fault::Stall(Statement::containing("INTO kept")));
    let Scene {
        wire, through, past, ..
    } = &mut scene;
    let inserted = async {
        insert(through, 1).await.unwrap();
    };
    let meanwhile = async {
        armed.happened().await;
        assert!(timeout(moment, other.ping()).await.is_err());
        assert!(timeout(moment, PgConnection::connect(&url)).await.is_err());
        assert_eq!(value::<i64>(past, "SELECT count(*) FROM kept").await, 0);
        wire.release();
    };
    tokio::join!(inserted, meanwhile);
    connect(&url).await;
    assert_eq!(scene.kept().await, 1);
}

#[tokio::test]
async fn a_dropped_wire_ends_its_connections() {
    for stalled in [true, false] {
        let mut scene = Scene::new().await;
        let url = scene.wire.url(scene.database.name());
        if stalled {
            scene.wire.arm(Fault::Stall(Statement::Any));
            let insert = insert(&mut scene.through, 1);
            assert!(timeout(Duration::from_millis(50), insert).await.is_err());
        }
        drop(scene.wire);
        assert!(scene.through.ping().await.is_err());
        assert!(PgConnection::connect(&url).await.is_err());
    }
}

#[tokio::test]
async fn an_unreachable_server_is_a_lost_connection() {
    let wire = Wire::to(1);
    let lost = PgConnection::connect(&wire.url("postgres")).await;
    assert!(matches!(lost, Err(sqlx::Error::Io(_))));
}

impl Scene {
    async fn new() -> Self {
        let database = Database::create(PgServer::shared()).await;
        let wire = Wire::to_server(PgServer::shared());
        let mut past = connect(database.url()).await;
        run(&mut past, "CREATE TABLE kept (number int)").await;
        let through = connect(&wire.url(database.name())).await;
        Self {
            wire,
            database,
            through,
            past,
        }
    }

    async fn reconnect(&mut self) {
        self.through = connect(&self.wire.url(self.database.name())).await;
    }

    /// Returns what the wire counts during this action.
    async fn counted(&mut self, work: impl AsyncFnOnce(&mut PgConnection)) -> Counts {
        let before = self.wire.counts();
        work(&mut self.through).await;
        self.wire.counts().since(before)
    }

    async fn kept(&mut self) -> i64 {
        value(&mut self.past, "SELECT count(*) FROM kept").await
    }

    /// Waits until no other transaction is open.
    async fn rolled_back(&mut self) {
        let open = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                    AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend')";
        let past = &mut self.past;
        eventually("the transaction is rolled back", async || {
            !value::<bool>(past, open).await
        })
        .await;
    }
}

fn counts(statements: u64, round_trips: u64, pings: u64) -> Counts {
    Counts {
        statements,
        round_trips,
        pings,
    }
}

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    let executed = sqlx::query(sql).bind(1).execute(connection).await;
    executed.expect("the statement is executed");
}

async fn insert(connection: &mut PgConnection, number: i32) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO kept VALUES ($1)").bind(number);
    insert.execute(connection).await.map(|_| ())
}
