//! A process that accepted a send is killed between its commit and its publication.

use messaging_tests::{Line, Way, js::Script};
use serde_json::{Value, json};

use crate::pusher::support::{Fixture, send};

/// Messages before the kill, all of them published, and messages after it, sent by the other process.
const BEFORE: usize = 10;
const AFTER: usize = 10;

/// Kills the process that accepted a send while its traffic with the realtime server is withheld in one
/// direction. Returns the messages that a page received, and those that it shows.
fn kill_while_held(test: &str, way: Way) -> Option<(Vec<Value>, Vec<Value>)> {
    let fixture = Fixture::build(test)?;
    let line = Line::to(fixture.sockudo.address());
    let port = line.address().port().to_string();
    let killed = fixture.settings().with_env("PUSHER_PORT", port).start();
    let other = fixture.server();
    let (client, agent) = (killed.caller("client-1"), other.caller("agent-1"));
    let id = client.open("agency-1");
    let messages = (BEFORE + 1 + AFTER).to_string();
    let screen = Script::start(
        "screen.mjs",
        test,
        &other,
        &[
            ("SCREEN_USER", "agent-1"),
            ("SCREEN_CONVERSATION", &id),
            ("SCREEN_MESSAGES", &messages),
        ],
    )?;
    screen.wait_for("ready");
    for n in 0..BEFORE {
        send(&client, &id, &format!("before-{n}"));
    }
    messaging_tests::eventually("all earlier messages are published", || {
        (other.unpublished() == 0).then_some(())
    });
    line.hold(way);
    send(&client, &id, "in-between");
    messaging_tests::eventually("the publication is withheld", || (line.held() > 0).then_some(()));
    killed.kill();
    for n in 0..AFTER {
        send(&agent, &id, &format!("after-{n}"));
    }
    let seen: Value = serde_json::from_str(&screen.last_line()).unwrap();
    let stored: Vec<_> = agent
        .walk(&id)
        .iter()
        .map(|message| json!({ "id": message["id"], "seq": message["seq"] }))
        .collect();
    assert_eq!(stored.len(), BEFORE + 1 + AFTER);
    assert_eq!(seen["shown"], Value::from(stored), "every message once, in order");
    let list = |name: &str| seen[name].as_array().unwrap().clone();
    Some((list("told"), list("shown")))
}

#[test]
fn killed_before_the_call_the_other_process_publishes_the_event() {
    let Some((told, shown)) = kill_while_held("killed before publishing", Way::There) else {
        return;
    };
    assert_eq!(told, shown, "each message received once");
}

#[test]
fn killed_before_the_acceptance_the_event_is_repeated_and_shown_once() {
    let Some((told, shown)) = kill_while_held("killed before the answer", Way::Back) else {
        return;
    };
    let again = told.iter().filter(|message| **message == shown[BEFORE]).count();
    assert_eq!(again, 2, "{told:?}");
    assert_eq!(told.len(), shown.len() + 1);
}
