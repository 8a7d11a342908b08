//! The server as a process: how it is configured, how it starts, how it stops.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use messaging_tests::{Caller, End, Server, Settings, Subscriber, eventually};
use serde_json::Value;

#[test]
fn help_names_what_can_be_configured_and_nothing_else() {
    let help = Settings::new()
        .with_env("DATABASE_URL", "postgres://me:hush@localhost/x")
        .with_env("PUSHER_SECRET", "hush")
        .with_env("SMTP_URL", "smtp://me:hush@localhost")
        .with_argument("--help")
        .run();
    assert!(help.status.success());
    for name in [
        "BIND",
        "DATABASE_URL",
        "DATA_DIR",
        "RUST_LOG",
        "PUSHER_APP_ID",
        "PUSHER_KEY",
        "PUSHER_SECRET",
        "PUSHER_CLUSTER",
        "PUSHER_HOST",
        "PUSHER_PORT",
        "PUSHER_USE_TLS",
        "SMTP_URL",
        "MAIL_FROM",
        "PUBLIC_URL",
        "DIGEST_DELAY",
        "127.0.0.1:3000",
        "./data",
        "for demonstration only",
    ] {
        assert!(help.output.contains(name), "{name} is missing:\n{}", help.output);
    }
    assert!(!help.output.contains("hush"), "{}", help.output);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_said() {
    let malformed = Settings::new().with_env("BIND", "here").run();
    assert_eq!(malformed.status.code(), Some(2));
    assert!(malformed.log.contains("--bind"), "{}", malformed.log);

    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let other = tempfile::tempdir().unwrap();
    let taken = Settings::in_directory(other.path())
        .with_env("BIND", first.address().to_string())
        .run();
    assert_eq!(taken.status.code(), Some(1));
    let says = format!("cannot listen on {}", first.address());
    assert!(taken.log.contains(&says), "{}", taken.log);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_said() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = Settings::in_directory(&file).run();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("data directory"), "{}", ended.log);

    fs::write(
        data.path().join("messaging.db"),
        "this is no database, however long it may be",
    )
    .unwrap();
    let ended = Settings::in_directory(data.path()).run();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("cannot be used"), "{}", ended.log);
}

#[test]
fn without_a_data_directory_it_makes_one_where_it_is_started() {
    let directory = tempfile::tempdir().unwrap();
    let server = Settings::new()
        .with_env("BIND", "127.0.0.1:0")
        .with_working_directory(directory.path())
        .start();
    server.caller("client-1").open("agency-1");
    let ended = server.stop("TERM");
    assert!(ended.status.success(), "{}", ended.log);
    assert!(directory.path().join("data/messaging.db").is_file());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    // The next start finds it there.
    let again = Server::start(&directory.path().join("data"));
    let conversations = again.caller("client-1").data("/api/messages/conversations");
    assert_eq!(conversations.as_array().unwrap().len(), 1);
}

#[test]
fn it_says_what_to_be_careful_about() {
    let data = tempfile::tempdir().unwrap();
    let quiet = Settings::in_directory(data.path()).start().stop("TERM").log;
    assert!(
        quiet.contains("the login is for demonstration only") && quiet.contains("open http://127.0.0.1:")
    );
    assert!(
        quiet.contains("e-mails are shown at http://127.0.0.1:"),
        "{quiet}"
    );
    for warning in ["beyond this machine", "channels live"] {
        assert!(!quiet.contains(warning), "{quiet}");
    }

    let loud = Settings::in_directory(data.path())
        .with_env("BIND", "0.0.0.0:0")
        .with_env("SMTP_URL", "smtp://me:secret@localhost");
    let loud = loud.start().stop("INT").log;
    assert!(loud.contains("beyond this machine"), "{loud}");
    assert!(!loud.contains("/demo/mail") && !loud.contains("secret"), "{loud}");
}

#[test]
fn half_an_app_at_pusher_is_refused_at_start_by_what_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let all = [
        ("PUSHER_APP_ID", "1"),
        ("PUSHER_KEY", "a-key"),
        ("PUSHER_SECRET", "hush-hush"),
        ("PUSHER_CLUSTER", "eu"),
    ];
    for (missing, _) in all {
        let with_others = all.iter().filter(|(name, _)| *name != missing);
        let settings = Settings::in_directory(data.path()).with_env(missing, "");
        let refused = with_others
            .fold(settings, |settings, (name, value)| settings.with_env(name, value))
            .run();
        assert_eq!(refused.status.code(), Some(1), "{}", refused.log);
        assert!(refused.log.contains(missing), "{missing}: {}", refused.log);
        assert!(!refused.log.contains("hush"), "{}", refused.log);
    }
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn probes_are_answered() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    assert_eq!(server.anybody().get("/healthz").unwrap().status, 200);
    let ready = server.anybody().get("/readyz").unwrap();
    assert_eq!((ready.status, &ready.body["ready"]), (200, &Value::Bool(true)));
}

#[test]
fn whoever_is_not_known_is_not_let_in() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for caller in [
        server.anybody(),
        server.caller("client-0"),
        server.caller("mallory"),
    ] {
        let answer = caller.get("/api/messages/conversations").unwrap();
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (401, &Value::from("unauthenticated"))
        );
    }
}

#[test]
fn a_booking_opens_the_conversation_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (client, agent) = (server.caller("client-3"), server.caller("agent-5"));
    let wish = serde_json::json!({ "agentId": "agency-5" });
    let book = || client.post("/demo/bookings", &wish).unwrap();
    let (first, second) = (book(), book());
    assert_eq!((first.status, &first.body), (201, &second.body));
    assert_eq!(first.body["id"], "booking-3-5");
    let id = first.body["conversationId"].as_str().unwrap();
    assert_eq!(client.open("agency-5"), id);
    let history = agent.walk(id);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["kind"], "system");
    let row = &agent.data("/api/messages/conversations")[0];
    assert_eq!(row["booking"]["id"], "booking-3-5");
    assert_eq!(
        (&row["unreadCount"], row["client"]["name"].as_str()),
        (&Value::from(1), Some("Felix Mensah"))
    );

    for (caller, status) in [(server.anybody(), 401), (agent, 403)] {
        assert_eq!(caller.post("/demo/bookings", &wish).unwrap().status, status);
    }
    let unknown = serde_json::json!({ "agentId": "nobody" });
    assert_eq!(client.post("/demo/bookings", &unknown).unwrap().status, 400);
}

/// Sends until the server stops answering; returns the keys of what was acknowledged.
fn send_until_it_stops(caller: &Caller, conversation_id: &str) -> Vec<String> {
    let acknowledged = (0..).map(|n| format!("message-{n}")).map_while(|key| {
        let sent = caller.send(conversation_id, &key, &key).ok()?;
        assert_eq!(sent.status, 201, "{sent:?}");
        Some(key)
    });
    acknowledged.collect()
}

fn stops_gracefully(signal: &str) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (client, agent) = (server.caller("client-1"), server.caller("agent-1"));
    let id = client.open("agency-1");
    let subscriber = Subscriber::connect(&server, &agent, &[format!("private-conversation-{id}")]);
    let (ended, acknowledged) = thread::scope(|scope| {
        let sending = scope.spawn(|| send_until_it_stops(&client, &id));
        eventually("sends are under way", || {
            (subscriber.messages_of(&id).len() > 20).then_some(())
        });
        (server.stop(signal), sending.join().unwrap())
    });
    assert!(ended.status.success(), "{:?}\n{}", ended.status, ended.log);
    assert!(
        ended.log.contains("stopped") && !ended.log.contains("ERROR"),
        "{}",
        ended.log
    );
    assert_eq!(
        eventually("the connection ends", || subscriber.end()),
        End::Closed(4200)
    );

    // What was acknowledged has been told, too: publishing was finished before the connections were closed.
    let told: Vec<_> = subscriber.messages_of(&id).iter().map(key_of).collect();
    assert_eq!(told[..acknowledged.len()], acknowledged);
    let left: Vec<_> = fs::read_dir(data.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().ends_with("-wal")),
        "{left:?}"
    );

    let again = Server::start(data.path());
    assert_eq!(again.unpublished(), 0);
    let stored: Vec<_> = again.caller("agent-1").walk(&id).iter().map(key_of).collect();
    assert_eq!(stored, told);
}

fn key_of(message: &Value) -> String {
    message["clientMessageId"].as_str().unwrap().to_owned()
}

#[test]
fn sigterm_finishes_what_was_begun() {
    stops_gracefully("TERM");
}

#[test]
fn sigint_finishes_what_was_begun() {
    stops_gracefully("INT");
}

/// A server on this data, and somebody who listens to each of these conversations.
fn start_and_listen(data: &Path, conversations: &[String]) -> (Server, Vec<Subscriber>) {
    let server = Server::start(data);
    let listeners = conversations.iter().enumerate().map(|(n, id)| {
        let agent = server.caller(&format!("agent-{n}", n = n + 1));
        Subscriber::connect(&server, &agent, &[format!("private-conversation-{id}")])
    });
    let listeners = listeners.collect();
    (server, listeners)
}

fn keys_told(listener: &Subscriber, conversation_id: &str) -> Vec<String> {
    listener.messages_of(conversation_id).iter().map(key_of).collect()
}

/// Three send to each conversation at once, until the server stops answering; returns the keys of what was
/// acknowledged, by conversation.
fn crowd(
    server: Server,
    conversations: &[String],
    name: &str,
    end: impl FnOnce(Server),
) -> Vec<BTreeSet<String>> {
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let send = |n: usize, crowd: usize, caller: Caller| {
            let (id, acknowledged) = (&conversations[n], &acknowledged);
            scope.spawn(move || {
                let keys = (0..).map(|n| format!("{name}-{crowd}-{n}")).map_while(|key| {
                    let sent = caller.send(id, &key, &key).ok()?;
                    assert_eq!(sent.status, 201, "{sent:?}");
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    Some(key)
                });
                keys.collect::<Vec<_>>()
            })
        };
        let senders: Vec<Vec<_>> = (0..conversations.len())
            .map(|n| {
                let caller = server.caller(&format!("client-{}", n + 1));
                (0..3).map(|crowd| send(n, crowd, caller.clone())).collect()
            })
            .collect();
        eventually("sends are under way", || {
            (acknowledged.load(Ordering::Relaxed) > 200).then_some(())
        });
        end(server);
        let keys = senders.into_iter().map(|senders| {
            let keys = senders.into_iter().flat_map(|sender| sender.join().unwrap());
            keys.collect()
        });
        keys.collect()
    })
}

fn open_eight(server: &Server) -> Vec<String> {
    let open = |n| server.caller(&format!("client-{n}")).open(&format!("agency-{n}"));
    (1..=8).map(open).collect()
}

fn stop(server: Server) {
    let ended = server.stop("TERM");
    assert!(ended.status.success(), "{:?}\n{}", ended.status, ended.log);
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);
}

#[test]
fn what_is_acknowledged_while_it_stops_is_told_before_the_goodbye() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let conversations = open_eight(&first);
    stop(first);
    for round in ["first", "second", "third"] {
        let (server, listeners) = start_and_listen(data.path(), &conversations);
        let acknowledged = crowd(server, &conversations, round, stop);
        for ((listener, id), acknowledged) in listeners.iter().zip(&conversations).zip(&acknowledged) {
            let end = eventually("the connection ends", || listener.end());
            assert_eq!(end, End::Closed(4200));
            let told: BTreeSet<_> = keys_told(listener, id).into_iter().collect();
            let untold: Vec<_> = acknowledged.difference(&told).collect();
            assert!(untold.is_empty(), "{untold:?} of {id}");
        }
    }
}

#[test]
fn what_it_may_not_publish_yet_when_it_stops_is_told_after_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let conversations = open_eight(&first);
    crowd(first, &conversations, "killed", Server::kill);

    // What the killed one left waits for the end of its lease, and whatever is sent meanwhile waits behind.
    let (server, listeners) = start_and_listen(data.path(), &conversations);
    let waiting = server.unpublished();
    assert!(waiting > 0, "the killed one has left something");
    let acknowledged = crowd(server, &conversations, "stopped", stop);
    let told_before: Vec<_> = (listeners.iter().zip(&conversations))
        .map(|(listener, id)| {
            let end = eventually("the connection ends", || listener.end());
            assert_eq!(end, End::Closed(4200));
            keys_told(listener, id)
        })
        .collect();
    let lacks = |(told, acknowledged): (&Vec<String>, &BTreeSet<String>)| {
        acknowledged.iter().any(|key| !told.contains(key))
    };
    assert!(
        told_before.iter().zip(&acknowledged).any(lacks),
        "something is left"
    );

    let (server, listeners) = start_and_listen(data.path(), &conversations);
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
    for (n, id) in conversations.iter().enumerate() {
        eventually("everything is told", || {
            let told = [told_before[n].clone(), keys_told(&listeners[n], id)].concat();
            acknowledged[n].iter().all(|key| told.contains(key)).then_some(())
        });
        // In the order in which it was sent, from some message on.
        let after = keys_told(&listeners[n], id);
        let stored: Vec<_> = server.caller("admin-1").walk(id).iter().map(key_of).collect();
        assert!(stored.ends_with(&after), "{after:?} of {stored:?}");
    }
}

#[test]
fn an_operator_lists_and_requeues_dead_letters() {
    let data = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        arguments
            .iter()
            .fold(Settings::in_directory(data.path()), |settings, it| {
                settings.with_argument(it)
            })
            .run()
    };
    let none = command(&["outbox", "list"]);
    assert_eq!(none.status.code(), Some(1), "there is no database: {}", none.log);
    Server::start(data.path()).stop("TERM");

    let id = "00000000-0000-7000-8000-000000000000";
    let requeued = command(&["outbox", "requeue", id, "1"]);
    assert_eq!(
        (requeued.status.code(), requeued.output.as_str()),
        (Some(3), "requeued: 0\n")
    );
    let all = command(&["outbox", "requeue", "--all"]);
    assert_eq!(
        (all.status.code(), all.output.as_str()),
        (Some(0), "requeued: 0\n")
    );
    assert_eq!(command(&["outbox", "list"]).output, "");
    for wrong in [
        &["outbox", "requeue"][..],
        &["outbox", "requeue", id],
        &["outbox", "requeue", "x", "1"],
    ] {
        assert_eq!(command(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
