//! Shutdown of the server: acknowledged messages are stored, and published before it or after the next start.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use messaging_tests::{Caller, End, Server, Subscriber, eventually};
use serde_json::Value;

/// Sends until the server stops answering; returns the keys of acknowledged sends.
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

    // Acknowledged messages were published, since publishing finished before the connections were closed.
    let published: Vec<_> = subscriber.messages_of(&id).iter().map(key_of).collect();
    assert_eq!(published[..acknowledged.len()], acknowledged);
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
    assert_eq!(stored, published);
}

fn key_of(message: &Value) -> String {
    message["clientMessageId"].as_str().unwrap().to_owned()
}

#[test]
fn sigterm_completes_running_requests() {
    stops_gracefully("TERM");
}

#[test]
fn sigint_completes_running_requests() {
    stops_gracefully("INT");
}

/// Starts a server on this data, with a subscriber of each of these conversations.
fn start_and_listen(data: &Path, conversations: &[String]) -> (Server, Vec<Subscriber>) {
    let server = Server::start(data);
    let listeners = conversations.iter().enumerate().map(|(n, id)| {
        let agent = server.caller(&format!("agent-{n}", n = n + 1));
        Subscriber::connect(&server, &agent, &[format!("private-conversation-{id}")])
    });
    let listeners = listeners.collect();
    (server, listeners)
}

fn published_keys(listener: &Subscriber, conversation_id: &str) -> Vec<String> {
    listener.messages_of(conversation_id).iter().map(key_of).collect()
}

/// Sends to each conversation with three concurrent senders, until the server stops answering. Returns the
/// keys of acknowledged sends, by conversation.
fn send_concurrently(
    server: Server,
    conversations: &[String],
    name: &str,
    end: impl FnOnce(Server),
) -> Vec<BTreeSet<String>> {
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let send = |n: usize, sender: usize, caller: Caller| {
            let (id, acknowledged) = (&conversations[n], &acknowledged);
            scope.spawn(move || {
                let keys = (0..).map(|n| format!("{name}-{sender}-{n}")).map_while(|key| {
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
                (0..3).map(|sender| send(n, sender, caller.clone())).collect()
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
fn messages_acknowledged_during_shutdown_are_published_before_the_close() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let conversations = open_eight(&first);
    stop(first);
    for round in ["first", "second", "third"] {
        let (server, listeners) = start_and_listen(data.path(), &conversations);
        let acknowledged = send_concurrently(server, &conversations, round, stop);
        for ((listener, id), acknowledged) in listeners.iter().zip(&conversations).zip(&acknowledged) {
            let end = eventually("the connection ends", || listener.end());
            assert_eq!(end, End::Closed(4200));
            let published: BTreeSet<_> = published_keys(listener, id).into_iter().collect();
            let untold: Vec<_> = acknowledged.difference(&published).collect();
            assert!(untold.is_empty(), "{untold:?} of {id}");
        }
    }
}

#[test]
fn events_deferred_at_shutdown_are_published_after_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let conversations = open_eight(&first);
    send_concurrently(first, &conversations, "killed", Server::kill);

    // The lanes of the killed server wait for their leases, and later events wait behind them.
    let (server, listeners) = start_and_listen(data.path(), &conversations);
    let waiting = server.unpublished();
    assert!(waiting > 0, "the killed server has left unpublished events");
    let acknowledged = send_concurrently(server, &conversations, "stopped", stop);
    let published_before: Vec<_> = (listeners.iter().zip(&conversations))
        .map(|(listener, id)| {
            let end = eventually("the connection ends", || listener.end());
            assert_eq!(end, End::Closed(4200));
            published_keys(listener, id)
        })
        .collect();
    let has_unpublished = |(published, acknowledged): (&Vec<String>, &BTreeSet<String>)| {
        acknowledged.iter().any(|key| !published.contains(key))
    };
    assert!(
        published_before.iter().zip(&acknowledged).any(has_unpublished),
        "some messages are unpublished"
    );

    let (server, listeners) = start_and_listen(data.path(), &conversations);
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
    for (n, id) in conversations.iter().enumerate() {
        eventually("every message is published", || {
            let published = [published_before[n].clone(), published_keys(&listeners[n], id)].concat();
            acknowledged[n]
                .iter()
                .all(|key| published.contains(key))
                .then_some(())
        });
        // In order, from some message on.
        let after = published_keys(&listeners[n], id);
        let stored: Vec<_> = server.caller("admin-1").walk(id).iter().map(key_of).collect();
        assert!(stored.ends_with(&after), "{after:?} of {stored:?}");
    }
}
