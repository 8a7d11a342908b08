//! Two servers share a database and a realtime server: each subscriber receives messages sent through either.

use std::thread;

use messaging_tests::{Server, Subscriber, eventually};
use serde_json::Value;

use crate::pusher::support::{Fixture, send};

const EACH: usize = 50;

fn listen(server: &Server, user: &str, id: &str) -> Subscriber {
    let channels = [
        format!("private-conversation-{id}"),
        format!("private-user-{user}"),
    ];
    Subscriber::connect(server, &server.caller(user), &channels)
}

/// Returns the notifications on a user's own channel about the other user's messages.
fn notified(listener: &Subscriber, user: &str) -> Vec<Value> {
    let channel = format!("private-user-{user}");
    let events = listener.named("new-message").into_iter();
    let own = events.filter(|event| event["channel"] == *channel);
    own.map(|mut event| event["data"]["message"].take()).collect()
}

#[test]
fn clients_receive_events_of_all_servers() {
    let Some(fixture) = Fixture::build("two servers") else {
        return;
    };
    let (first, second) = (fixture.server(), fixture.server());
    let id = first.caller("client-1").open("agency-1");
    let listeners = [
        ("client-1", listen(&first, "client-1", &id)),
        ("client-1", listen(&second, "client-1", &id)),
        ("agent-1", listen(&first, "agent-1", &id)),
        ("agent-1", listen(&second, "agent-1", &id)),
    ];
    thread::scope(|scope| {
        for (place, server) in [("first", &first), ("second", &second)] {
            for user in ["client-1", "agent-1"] {
                let (caller, id) = (server.caller(user), id.as_str());
                scope.spawn(move || {
                    for n in 0..EACH {
                        send(&caller, id, &format!("{user}-{place}-{n}"));
                    }
                });
            }
        }
    });
    let stored = first.caller("client-1").walk(&id);
    assert_eq!(stored.len(), 4 * EACH);
    for (user, listener) in &listeners {
        let received = eventually("every message is received", || {
            let received = listener.messages_of(&id);
            (received.len() >= stored.len()).then_some(received)
        });
        assert_eq!(received, stored, "{user} receives each message once, in order");
        let of_other: Vec<_> = stored
            .iter()
            .filter(|message| message["senderId"] != *user)
            .collect();
        let notified = eventually("every message is notified", || {
            let notified = notified(listener, user);
            (notified.len() >= of_other.len()).then_some(notified)
        });
        assert_eq!(notified.iter().collect::<Vec<_>>(), of_other);
    }
}

#[test]
fn a_user_connected_at_one_server_is_online_at_the_other() {
    let Some(fixture) = Fixture::build("presence") else {
        return;
    };
    let (first, second) = (fixture.server(), fixture.server());
    let id = first.caller("client-1").open("agency-1");
    let presence = |server: &Server| {
        let conversation = server
            .caller("client-1")
            .data(&format!("/api/messages/conversations/{id}"));
        conversation["presence"].clone()
    };
    let agent = listen(&second, "agent-1", &id);
    assert_eq!(presence(&first)["agent"], Value::Bool(true));
    assert_eq!(presence(&first)["client"], Value::Bool(false));
    drop(agent);
}
