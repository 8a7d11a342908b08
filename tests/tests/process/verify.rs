//! `messaging-server verify` on both databases, beside a running server and after corruption.

use messaging_sqlx::sqlx::{self, Connection as _, PgConnection, SqliteConnection};
use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{Ended, Server, Settings};

/// A conversation with three messages, one of which is read.
fn talk(server: &Server) -> String {
    let id = server.caller("client-1").open("agency-1");
    for (n, user) in ["client-1", "agent-1", "client-1"].into_iter().enumerate() {
        let key = format!("key-{n}");
        assert_eq!(server.caller(user).send(&id, "hello", &key).unwrap().status, 201);
    }
    server
        .caller("client-1")
        .data(&format!("/api/messages?conversationId={id}"));
    id
}

fn check_clean(ended: &Ended) {
    assert_eq!(ended.output, "discrepancies: 0\n", "{}", ended.log);
    assert_eq!(ended.status.code(), Some(0));
}

fn check_corrupt(ended: &Ended, id: &str) {
    let output: Vec<_> = ended.output.lines().collect();
    let [finding, "discrepancies: 1"] = output[..] else {
        panic!("{output:?}")
    };
    assert!(finding.contains(id), "{finding}");
    assert_eq!(ended.status.code(), Some(3));
}

const DAMAGE: &str = "agent_received = agent_received + 1";

#[test]
fn a_file_is_verified_beside_its_server_and_after_corruption() {
    let data = tempfile::tempdir().unwrap();
    let verify = || Settings::in_directory(data.path()).with_argument("verify");
    let none = verify().run();
    assert_eq!(none.status.code(), Some(1));
    assert!(none.log.contains("does not exist"), "{}", none.log);

    let server = Server::start(data.path());
    let id = talk(&server);
    check_clean(&verify().run());
    server.stop("TERM");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let url = format!("sqlite://{}", data.path().join("messaging.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let damage = format!("UPDATE conversation SET {DAMAGE}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage))
            .execute(&mut connection)
            .await
            .unwrap();
    });
    check_corrupt(&verify().run(), &id);
    check_clean(&verify().with_argument("--after").with_argument(&id).run());
    let malformed = verify().with_argument("--after").with_argument("here").run();
    assert_eq!(malformed.status.code(), Some(2));
}

#[test]
fn a_database_is_verified_beside_its_server_and_after_corruption() {
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let settings = || Settings::in_directory(data.path()).with_env("DATABASE_URL", database.url());
    let none = settings().with_argument("verify").run();
    assert_eq!(none.status.code(), Some(1));
    assert!(none.log.contains("not migrated"), "{}", none.log);

    let server = settings().start();
    let id = talk(&server);
    check_clean(&settings().with_argument("verify").run());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let damage = format!("UPDATE messaging.conversation SET {DAMAGE}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage))
            .execute(&mut connection)
            .await
            .unwrap();
    });
    check_corrupt(&settings().with_argument("verify").run(), &id);
    server.stop("TERM");
}
