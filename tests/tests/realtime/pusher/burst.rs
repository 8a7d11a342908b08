//! The number of calls for a burst of messages.

use std::thread;

use messaging_tests::{Sockudo, Subscriber, eventually};

use crate::pusher::support::{Fixture, metric, send};

const MESSAGES: usize = 1_000;

/// Sends the burst from this number of conversations concurrently; returns the number of calls.
fn calls(conversations: usize) -> Option<u64> {
    let fixture = Fixture::build("calls a burst")?;
    let server = fixture.server();
    let ids: Vec<_> = (1..=conversations)
        .map(|n| {
            (
                n,
                server.caller(&format!("client-{n}")).open(&format!("agency-{n}")),
            )
        })
        .collect();
    let all_published = || (server.unpublished() == 0).then_some(());
    eventually("nothing is unpublished", all_published);
    let (calls, events) = (
        metric(&server, "realtime_calls_total"),
        metric(&server, "events_total"),
    );
    thread::scope(|scope| {
        for (n, id) in &ids {
            let caller = server.caller(&format!("client-{n}"));
            scope.spawn(move || {
                for m in 0..MESSAGES / conversations {
                    send(&caller, id, &format!("{m}"));
                }
            });
        }
    });
    eventually("nothing is unpublished", all_published);
    let events = metric(&server, "events_total") - events;
    assert_eq!(
        events,
        2 * MESSAGES as u64,
        "one to the conversation, one to the recipient"
    );
    Some(metric(&server, "realtime_calls_total") - calls)
}

#[test]
fn events_that_are_ready_together_share_calls() {
    for conversations in [1, 8, 40] {
        let Some(calls) = calls(conversations) else { return };
        println!("{MESSAGES} messages in a burst over {conversations} conversations: {calls} calls");
        // At best a call per ten events, at worst a call per message.
        let (best, worst) = (MESSAGES as u64 / 5, MESSAGES as u64);
        assert!((best..=worst).contains(&calls), "{calls}");
    }
}

#[test]
fn a_server_with_retry_after_gets_all_events_in_order() {
    const CLIENTS: usize = 4;
    let Some(sockudo) = Sockudo::start_limited("a server that asks for patience", 10) else {
        return;
    };
    let fixture = Fixture::around(sockudo);
    let server = fixture.server();
    let talks: Vec<_> = (1..=CLIENTS)
        .map(|n| {
            let client = server.caller(&format!("client-{n}"));
            let id = client.open(&format!("agency-{n}"));
            let agent = server.caller(&format!("agent-{n}"));
            let channel = format!("private-conversation-{id}");
            let listener = Subscriber::connect(&server, &agent, &[channel]);
            (client, id, listener)
        })
        .collect();
    thread::scope(|scope| {
        for (client, id, _) in &talks {
            scope.spawn(move || {
                for n in 0..50 {
                    send(client, id, &format!("{n}"));
                }
            });
        }
    });
    for (client, id, listener) in &talks {
        let stored = client.walk(id);
        let received = eventually("every message is received", || {
            let received = listener.messages_of(id);
            (received.last()? == stored.last()?).then_some(received)
        });
        assert_eq!(received, stored, "each message once, in order");
    }
    assert!(
        metric(&server, "retried_total") > 0,
        "the server never answered with 429"
    );
    assert_eq!(metric(&server, "dead_letters_total"), 0);
}
