//! Two servers on the same data: nothing breaks, and one of them publishes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;

use messaging_tests::{Caller, Server, Subscriber, eventually};
use serde_json::Value;

const REFUSED: &str = "lanes cannot be claimed";

/// Sends so many messages, each until it is acknowledged.
fn send(caller: &Caller, conversation_id: &str, name: &str, count: usize) {
    for n in 1..=count {
        let key = format!("{name}-{n}");
        eventually("the send is acknowledged", || {
            let sent = caller.send(conversation_id, &key, &key).expect("an answer");
            assert!(matches!(sent.status, 200 | 201 | 503), "{sent:?}");
            (sent.status != 503).then_some(())
        });
    }
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    messages
        .iter()
        .map(|message| message["seq"].as_u64().unwrap())
        .collect()
}

fn channel(conversation_id: &str) -> String {
    format!("private-conversation-{conversation_id}")
}

#[test]
fn a_second_process_serves_but_does_not_publish() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let (client, agent) = (first.caller("client-1"), first.caller("agent-1"));
    let id = client.open("agency-1");
    let subscriber = Subscriber::connect(&first, &agent, &[channel(&id)]);
    let second = Server::start(data.path());
    thread::scope(|scope| {
        for (server, user) in [
            (&first, "client-1"),
            (&second, "client-1"),
            (&first, "agent-1"),
            (&second, "agent-1"),
        ] {
            let (caller, id) = (server.caller(user), id.as_str());
            scope.spawn(move || send(&caller, id, &format!("{user}-at-{}", caller_port(server)), 25));
        }
    });
    let stored = second.caller("agent-1").walk(&id);
    assert_eq!(seqs(&stored), (1..=100).collect::<Vec<_>>());
    assert_eq!(stored, first.caller("agent-1").walk(&id));
    let unread = second.caller("agent-1").data("/api/messages/unread");
    assert_eq!(unread["unreadCount"], 50);

    // The first publishes also what came by way of the second.
    eventually("all are told", || {
        (subscriber.messages_of(&id).len() >= 100).then_some(())
    });
    assert_eq!(subscriber.messages_of(&id), stored);
    eventually("nothing is unpublished", || {
        (second.unpublished() == 0).then_some(())
    });
    assert!(second.log().contains(REFUSED), "{}", second.log());
    assert!(!first.log().contains(REFUSED), "{}", first.log());
}

fn caller_port(server: &Server) -> u16 {
    server.address().port()
}

#[test]
fn what_a_lost_process_did_not_publish_the_other_one_does() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let id = first.caller("client-1").open("agency-1");
    let second = Server::start(data.path());
    eventually("the second is refused", || {
        second.log().contains(REFUSED).then_some(())
    });
    let subscriber = Subscriber::connect(&second, &second.caller("agent-1"), &[channel(&id)]);
    let client = second.caller("client-1");

    // The first holds the right to publish, but does not run: like a process that hangs.
    eventually("the first is stopped while it holds no lock on the data", || {
        first.signal("STOP");
        let sent = client.send(&id, "first", "first").expect("an answer");
        if sent.status == 503 {
            first.signal("CONT");
        }
        (sent.status != 503).then_some(())
    });
    send(&client, &id, "second", 19);
    assert_eq!(second.unpublished(), 1, "one conversation waits");
    assert_eq!(subscriber.messages_of(&id), [] as [Value; 0]);

    first.kill();
    eventually("all are told", || {
        (subscriber.messages_of(&id).len() >= 20).then_some(())
    });
    let stored = second.caller("agent-1").walk(&id);
    assert_eq!(seqs(&stored), (1..=20).collect::<Vec<_>>());
    assert_eq!(subscriber.messages_of(&id), stored);
    eventually("nothing is unpublished", || {
        (second.unpublished() == 0).then_some(())
    });
}
