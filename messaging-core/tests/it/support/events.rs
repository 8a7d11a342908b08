//! The contents of events.

use messaging_core::event::Event;
use serde_json::Value;

/// Returns the text of each `new-message` on a conversation's channel, in order, including repetitions.
pub(crate) fn texts(events: &[Event]) -> Vec<String> {
    let on_conversation = |event: &&Event| {
        event.name == "new-message" && event.channel.as_str().starts_with("private-conversation-")
    };
    events
        .iter()
        .filter(on_conversation)
        .map(|event| field(event, "content"))
        .collect()
}

fn field(event: &Event, name: &str) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap();
    data[name].as_str().unwrap().to_owned()
}

/// Returns the events as lines of channel, name and data.
pub(crate) fn event_lines(events: &[Event]) -> String {
    let lines: Vec<_> = events
        .iter()
        .map(|e| format!("{} {} {}", e.channel, e.name, e.data))
        .collect();
    lines.join(
        "
",
    )
}
