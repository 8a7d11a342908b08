//! Two servers on one PostgreSQL database: each serves and publishes without the other.

use std::{collections::BTreeSet, path::Path, thread};

use messaging_test_postgres::{Database, Fault, PgServer, Statement, Wire};
use messaging_tests::{Caller, Server, Settings, Subscriber, eventually};
use serde_json::Value;
use tempfile::TempDir;

/// Two servers, and their shared data.
struct Two {
    first: Server,
    second: Server,
    _database: Database,
    _data: TempDir,
}

impl Two {
    /// Both servers start at the same time on an empty database.
    fn start() -> Self {
        let database = Database::create_blocking(PgServer::shared());
        let data = tempfile::tempdir().unwrap();
        let start = || start(data.path(), database.url());
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(start);
            let second = scope.spawn(start);
            (first.join().unwrap(), second.join().unwrap())
        });
        Self {
            first,
            second,
            _database: database,
            _data: data,
        }
    }
}

fn start(data: &Path, url: &str) -> Server {
    Settings::in_directory(data).with_env("DATABASE_URL", url).start()
}

/// Sends this number of messages, each acknowledged.
fn send(caller: &Caller, conversation_id: &str, name: &str, count: usize) {
    for n in 1..=count {
        let key = format!("{name}-{n}");
        let sent = caller.send(conversation_id, &key, &key).expect("a response");
        assert_eq!(sent.status, 201, "{sent:?}");
    }
}

/// A subscriber of a conversation at one of the servers.
fn listen(server: &Server, conversation_id: &str) -> Subscriber {
    let channel = format!("private-conversation-{conversation_id}");
    Subscriber::connect(server, &server.caller("agent-1"), &[channel])
}

fn everything_is_published(server: &Server) {
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    let seqs = messages.iter().map(|message| message["seq"].as_u64().unwrap());
    seqs.collect()
}

#[test]
fn sends_through_both_are_one_conversation() {
    let Two { first, second, .. } = &Two::start();
    let id = first.caller("client-1").open("agency-1");
    assert_eq!(second.caller("client-1").open("agency-1"), id);
    let listeners = [listen(first, &id), listen(second, &id)];
    thread::scope(|scope| {
        for (place, server) in [("first", first), ("second", second)] {
            for user in ["client-1", "agent-1"] {
                let (caller, id) = (server.caller(user), id.as_str());
                scope.spawn(move || send(&caller, id, &format!("{user}-{place}"), 25));
            }
        }
    });
    let stored = first.caller("agent-1").walk(&id);
    assert_eq!(seqs(&stored), (1..=100).collect::<Vec<_>>());
    assert_eq!(stored, second.caller("agent-1").walk(&id));

    // Subscribers of the publishing server receive its events, and each message is published by at least one
    // server.
    everything_is_published(first);
    eventually("all messages are received", || {
        let received = listeners.iter().flat_map(|it| seqs(&it.messages_of(&id)));
        (received.collect::<BTreeSet<_>>().len() == stored.len()).then_some(())
    });
    for server in [first, second] {
        assert!(
            !server.log().contains("lanes cannot be claimed"),
            "{}",
            server.log()
        );
    }
}

#[test]
fn both_servers_report_the_unread_count() {
    let Two { first, second, .. } = &Two::start();
    let id = first.caller("client-1").open("agency-1");
    let says = |server: &Server, unread: u64| {
        let agent = server.caller("agent-1");
        let total = agent.data("/api/messages/unread");
        assert_eq!(total["unreadCount"], unread);
        let listed = agent.data("/api/messages/conversations");
        assert_eq!(listed[0]["unreadCount"], unread);
    };
    send(&first.caller("client-1"), &id, "first", 2);
    send(&second.caller("client-1"), &id, "second", 3);
    says(first, 5);
    says(second, 5);
    let page = second
        .caller("agent-1")
        .data(&format!("/api/messages?conversationId={id}"));
    assert_eq!(page["messages"].as_array().unwrap().len(), 5);
    says(first, 0);
    says(second, 0);
}

#[test]
fn a_send_repeated_at_the_other_server_returns_the_original() {
    let Two { first, second, .. } = &Two::start();
    let id = first.caller("client-1").open("agency-1");
    let sent = first.caller("client-1").send(&id, "hello", "key").unwrap();
    let again = second.caller("client-1").send(&id, "hello", "key").unwrap();
    assert_eq!((sent.status, again.status), (201, 200));
    assert_eq!(sent.data(), again.data());
    let other = second
        .caller("client-1")
        .send(&id, "another text", "key")
        .unwrap();
    assert_eq!(other.status, 409, "{other:?}");
}

#[test]
fn each_server_publishes_its_own_messages() {
    let Two { first, second, .. } = &Two::start();
    let id = first.caller("client-1").open("agency-1");
    everything_is_published(first);
    for (n, server) in [(1, first), (2, second)] {
        let listener = listen(server, &id);
        send(&server.caller("client-1"), &id, &format!("message-{n}"), 1);
        eventually("the message is published where it was sent", || {
            (seqs(&listener.messages_of(&id)) == [n]).then_some(())
        });
        everything_is_published(server);
    }
}

#[test]
fn events_of_a_killed_server_are_published_by_the_other() {
    let database = Database::create_blocking(PgServer::shared());
    let wire = Wire::to_server(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let killed = start(data.path(), &wire.url(database.name()));
    let other = start(data.path(), database.url());
    let id = other.caller("client-1").open("agency-1");
    everything_is_published(&other);
    let listener = listen(&other, &id);

    // It can no longer acknowledge what it has published.
    let stalled = wire.arm(Fault::Stall(Statement::containing("forgotten AS (DELETE")));
    send(&killed.caller("client-1"), &id, "doomed", 1);
    eventually("the acknowledgement is withheld", || {
        stalled.has_happened().then_some(())
    });
    // Later events of the conversation wait behind that.
    send(&other.caller("client-1"), &id, "other", 5);
    killed.kill();

    eventually("all messages are received", || {
        (seqs(&listener.messages_of(&id)) == [1, 2, 3, 4, 5, 6]).then_some(())
    });
    everything_is_published(&other);
}

#[test]
fn the_log_warns_that_embedded_channels_are_per_process() {
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let log = start(data.path(), database.url()).stop("TERM").log;
    assert!(log.contains("the channels are embedded in this process"), "{log}");
    assert!(!log.contains("does not use"), "{log}");
    assert!(!data.path().join("messaging.db").exists());
}

#[test]
fn an_unusable_database_is_reported_without_its_password() {
    let check = |url: &str, says: &str| {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings::in_directory(data.path()).with_env("DATABASE_URL", url);
        let ended = settings.run();
        assert_eq!(ended.status.code(), Some(1), "{url}: {}", ended.log);
        assert!(ended.log.contains(says), "{url}: {}", ended.log);
        assert!(!ended.log.contains("secret"), "{url}: {}", ended.log);
        assert_eq!(ended.output, "");
    };
    let unreachable = "the database of DATABASE_URL cannot be used";
    let malformed = "DATABASE_URL is not a PostgreSQL URL";
    // No process listens on port 1.
    check("postgres://me:secret@127.0.0.1:1/x", unreachable);
    let nowhere = PgServer::shared().url("nowhere");
    check(&nowhere.replacen('@', ":secret@", 1), unreachable);
    check("here", malformed);
    check("postgres://me:secret@127.0.0.1:port/x", malformed);
    check("postgres://me:secret@127.0.0.1:1/x?sslmode=always", malformed);
    check("mysql://me:secret@127.0.0.1:1/x", malformed);
}
