//! Data that no log contains, at any level: texts, addresses, and secrets of signatures.

use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{Server, Settings, Subscriber, eventually};
use serde_json::{Value, json};

const TEXT: &str = "zebra-in-the-snow";
const REASON: &str = "giraffe-is-rude";
const NOTE: &str = "hippo-was-warned";
const ADDRESS: &str = "@example.com";

/// Uses every feature once; returns the signature of a subscription.
fn everything(server: &Server) -> String {
    let (client, agent, admin) = (
        server.caller("client-1"),
        server.caller("agent-1"),
        server.caller("admin-1"),
    );
    let id = client.open("agency-1");
    let listener = Subscriber::connect(
        server,
        &agent,
        &[
            format!("private-conversation-{id}"),
            "private-user-agent-1".to_owned(),
        ],
    );
    for key in ["k-1", "k-1", "k-2"] {
        assert!(client.send(&id, TEXT, key).unwrap().status < 300);
    }
    assert_eq!(client.send(&id, "another text", "k-1").unwrap().status, 409);
    eventually("the events are published", || {
        (listener.messages_of(&id).len() == 2).then_some(())
    });
    agent.data(&format!("/api/messages?conversationId={id}"));
    let post = |caller: &messaging_tests::Caller, path: &str, body: Value| caller.post(path, &body).unwrap();
    post(
        &agent,
        "/api/messages/typing",
        json!({"conversationId": id, "typing": true}),
    );
    client.block(&id);
    assert_eq!(agent.send(&id, TEXT, "k-3").unwrap().status, 403);
    let reports = format!("/api/messages/conversations/{id}/reports");
    let report = post(&client, &reports, json!({"reason": REASON})).body["data"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    post(
        &admin,
        &format!("/api/messages/admin/reports/{report}/resolve"),
        json!({"note": NOTE}),
    );
    admin.data("/api/messages/admin/reports");
    admin.data("/api/messages/admin/audit");
    for (path, body) in [
        ("/api/messages", format!("{{\"content\": \"{TEXT}\"")),
        (
            "/api/messages",
            json!({"conversationId": TEXT, "content": TEXT}).to_string(),
        ),
        (
            "/api/messages/read",
            json!({"conversationId": id, "upTo": TEXT}).to_string(),
        ),
    ] {
        let refused = client
            .post_raw(
                path,
                &[("content-type", "application/json"), ("x-demo-user", "client-1")],
                &body,
            )
            .unwrap();
        assert_eq!(refused.status, 400);
    }
    assert_eq!(
        client
            .get(&format!("/api/messages?conversationId={id}&cursor={TEXT}"))
            .unwrap()
            .status,
        400
    );
    let form = [("socket_id", "1.1"), ("channel_name", "private-user-client-1")];
    let signed = client.post_form("/api/pusher/auth", &form).unwrap().body;
    let (_, signature) = signed["auth"].as_str().unwrap().split_once(':').unwrap();
    assert_eq!(signature.len(), 64);
    signature.to_owned()
}

fn check(settings: Settings) {
    let server = settings
        .with_env("RUST_LOG", "trace")
        .with_env("DIGEST_DELAY", "1")
        .start();
    let other = server.caller("client-2");
    let id = other.open("agency-2");
    assert_eq!(other.send(&id, TEXT, "k").unwrap().status, 201);
    let signature = everything(&server);
    let anonymous = server.anonymous();
    eventually("an e-mail is sent", || {
        anonymous.text("/demo/mail").contains(ADDRESS).then_some(())
    });
    let log = server.stop("TERM").log;
    assert!(
        log.contains("DEBUG sqlx::query"),
        "the log has the most verbose level"
    );
    for secret in [TEXT, REASON, NOTE, ADDRESS, &signature] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[test]
fn nothing_private_is_logged_by_a_server_on_a_file() {
    let data = tempfile::tempdir().unwrap();
    check(Settings::in_directory(data.path()));
}

#[test]
fn nothing_private_is_logged_by_a_server_on_a_database() {
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    check(Settings::in_directory(data.path()).with_env("DATABASE_URL", database.url()));
}
