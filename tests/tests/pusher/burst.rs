//! How many calls a burst takes.

use std::thread;

use messaging_tests::eventually;

use crate::house::{House, metric, send};

const MESSAGES: usize = 1_000;

/// Sends them from so many conversations at once; returns the calls that they took.
fn calls(conversations: usize) -> Option<u64> {
    let house = House::build("calls a burst")?;
    let server = house.server();
    let ids: Vec<_> = (1..=conversations)
        .map(|n| {
            (
                n,
                server.caller(&format!("client-{n}")).open(&format!("agency-{n}")),
            )
        })
        .collect();
    let settled = || (server.unpublished() == 0).then_some(());
    eventually("nothing is unpublished", settled);
    let (calls, events) = (metric(&server, "calls_total"), metric(&server, "events_total"));
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
    eventually("nothing is unpublished", settled);
    let events = metric(&server, "events_total") - events;
    assert_eq!(
        events,
        2 * MESSAGES as u64,
        "one to the conversation, one to the recipient"
    );
    Some(metric(&server, "calls_total") - calls)
}

#[test]
fn events_that_are_ready_together_share_calls() {
    for conversations in [1, 8, 40] {
        let Some(calls) = calls(conversations) else { return };
        println!("{MESSAGES} messages in a burst over {conversations} conversations: {calls} calls");
        // Ten events a call at best; a call for each message at worst.
        let (best, worst) = (MESSAGES as u64 / 5, MESSAGES as u64);
        assert!((best..=worst).contains(&calls), "{calls}");
    }
}
