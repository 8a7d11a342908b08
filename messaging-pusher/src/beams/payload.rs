//! What a device is told.

use messaging_core::{id::UserId, transport::push::Notification};
use serde_json::{Value, json};

use super::config::{BeamsConfig, BeamsContent};

/// How much of a message is shown, in characters.
const SHOWN: usize = 200;

const NEW_MESSAGE: &str = "New message";

/// A call's body: the same notification to each of these users, whatever their device.
pub(super) fn body(users: &[UserId], notification: &Notification, config: &BeamsConfig) -> String {
    let users: Vec<_> = users.iter().map(UserId::as_str).collect();
    let (title, text) = shown(notification, config.content);
    let data = json!({
        "conversationId": notification.conversation_id,
        "messageId": notification.message_id,
    });
    let mut web = json!({ "title": title, "body": text });
    if let Some(link) = config.link.as_ref().map(|link| link(notification)) {
        web["deep_link"] = Value::String(link);
    }
    json!({
        "users": users,
        "web": { "notification": web, "data": data },
        "fcm": { "notification": { "title": title, "body": text }, "data": data },
        "apns": { "aps": { "alert": { "title": title, "body": text } }, "data": data },
    })
    .to_string()
}

fn shown(notification: &Notification, content: BeamsContent) -> (String, String) {
    match content {
        BeamsContent::Hidden => (NEW_MESSAGE.to_owned(), String::new()),
        BeamsContent::Shown if notification.from.is_empty() => {
            (NEW_MESSAGE.to_owned(), beginning(notification.body.as_str()))
        }
        BeamsContent::Shown => (
            beginning(&notification.from),
            beginning(notification.body.as_str()),
        ),
    }
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}
