//! `messaging-server export` and `erase`, on both databases, beside a running server.

use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{Settings, Subscriber, eventually};
use serde_json::Value;

fn lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(settings: impl Fn() -> Settings) {
    let server = settings().start();
    let (client, agent) = (server.caller("client-1"), server.caller("agent-1"));
    let id = client.open("agency-1");
    assert_eq!(client.send(&id, "my secret", "k-1").unwrap().status, 201);
    assert_eq!(agent.send(&id, "an answer", "k-2").unwrap().status, 201);
    let run = |command: &str, user: &str| {
        let ended = settings().with_argument(command).with_argument(user).run();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        ended.output
    };

    let exported = lines(&run("export", "client-1"));
    assert_eq!(exported[0]["conversation"]["id"], Value::from(id.clone()));
    let contents: Vec<_> = exported[1..]
        .iter()
        .map(|it| it["message"]["content"].clone())
        .collect();
    assert_eq!(contents, ["my secret", "an answer"]);

    // Both users subscribe to the conversation; the command that erases has no transport.
    let channel = [format!("private-conversation-{id}")];
    let [erased, other] = [&client, &agent].map(|caller| Subscriber::connect(&server, caller, &channel));
    assert_eq!(run("erase", "client-1"), "conversations: 1, messages: 1\n");
    assert_eq!(agent.send(&id, "whoever reads this", "k-3").unwrap().status, 201);
    eventually("the agent's page receives it", || {
        (other.messages_of(&id).len() == 1).then_some(())
    });
    eventually("the erased user's subscription is revoked", || {
        (erased.named("pusher:subscription_error").len() == 1).then_some(())
    });
    assert_eq!(erased.messages_of(&id), [Value::Null; 0]);
    assert_eq!(run("erase", "client-1"), "conversations: 0, messages: 0\n");
    assert_eq!(run("export", "client-1"), "");
    let left: Vec<_> = agent
        .walk(&id)
        .iter()
        .map(|message| message["content"].clone())
        .collect();
    assert_eq!(left, ["", "an answer", "whoever reads this"]);
    assert_eq!(
        client
            .get(&format!("/api/messages?conversationId={id}"))
            .unwrap()
            .status,
        404
    );
    eventually("the server publishes the change", || {
        (server.unpublished() == 0).then_some(())
    });
    let verified = settings().with_argument("verify").run();
    assert_eq!(verified.output, "discrepancies: 0\n");
}

#[test]
fn a_users_data_is_exported_and_erased_in_a_file() {
    let data = tempfile::tempdir().unwrap();
    check(|| Settings::in_directory(data.path()));
}

#[test]
fn a_users_data_is_exported_and_erased_in_a_database() {
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    check(|| Settings::in_directory(data.path()).with_env("DATABASE_URL", database.url()));
}
