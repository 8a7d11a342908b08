//! Two servers on the same directory: the second is refused, and does not affect the first.

use messaging_tests::{Caller, Server, Settings, Subscriber, eventually};
use serde_json::Value;

/// Sends this number of messages, each acknowledged.
fn send(caller: &Caller, conversation_id: &str, name: &str, count: usize) {
    for n in 1..=count {
        let key = format!("{name}-{n}");
        let sent = caller.send(conversation_id, &key, &key).expect("a response");
        assert_eq!(sent.status, 201, "{sent:?}");
    }
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    messages
        .iter()
        .map(|message| message["seq"].as_u64().unwrap())
        .collect()
}

fn listen(server: &Server, conversation_id: &str) -> Subscriber {
    let channel = format!("private-conversation-{conversation_id}");
    Subscriber::connect(server, &server.caller("agent-1"), &[channel])
}

#[test]
fn a_second_server_on_a_directory_is_refused_and_the_first_continues() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let client = first.caller("client-1");
    let id = client.open("agency-1");
    let subscriber = listen(&first, &id);
    send(&client, &id, "before", 5);
    for _ in 0..2 {
        let refused = Settings::in_directory(data.path()).run();
        assert!(!refused.status.success());
        assert!(refused.log.contains("another server runs on"), "{}", refused.log);
    }
    send(&client, &id, "after", 20);
    let stored = first.caller("agent-1").walk(&id);
    assert_eq!(seqs(&stored), (1..=25).collect::<Vec<_>>());
    eventually("all messages are received", || {
        (subscriber.messages_of(&id).len() >= 25).then_some(())
    });
    assert_eq!(subscriber.messages_of(&id), stored);
}

#[test]
fn the_next_server_on_a_directory_publishes_the_rest_of_a_lost_one() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let client = first.caller("client-1");
    let id = client.open("agency-1");
    send(&client, &id, "before", 20);
    first.kill();

    let second = Server::start(data.path());
    let subscriber = listen(&second, &id);
    send(&second.caller("client-1"), &id, "after", 5);
    let stored = second.caller("agent-1").walk(&id);
    assert_eq!(seqs(&stored), (1..=25).collect::<Vec<_>>());
    eventually("nothing is unpublished", || {
        (second.unpublished() == 0).then_some(())
    });
    eventually("the newest messages are received", || {
        (subscriber.messages_of(&id).len() >= 5).then_some(())
    });
    let received = subscriber.messages_of(&id);
    assert_eq!(received, stored[stored.len() - received.len()..]);
}
