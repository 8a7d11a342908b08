//! The request body for Beams.

use messaging_core::{domain::message::Origin, id::UserId, transport::push::Notification};
use serde_json::{Value, json};

use super::config::{BeamsConfig, BeamsContent};

/// Maximum length of a title or text, in characters.
const MAX_TEXT_CHARS: usize = 200;

const NEW_MESSAGE: &str = "New message";

/// The body that sends one notification to these users on every platform.
pub(super) fn body(users: &[UserId], notification: &Notification, config: &BeamsConfig) -> String {
    let users: Vec<_> = users.iter().map(UserId::as_str).collect();
    let (title, text) = title_and_text(notification, config.content);
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

fn title_and_text(notification: &Notification, content: BeamsContent) -> (String, String) {
    match content {
        BeamsContent::Hidden => (NEW_MESSAGE.to_owned(), String::new()),
        // The host's own message is not from the other side.
        BeamsContent::Shown
            if notification.from.is_empty() || matches!(notification.origin, Origin::System { .. }) =>
        {
            (NEW_MESSAGE.to_owned(), truncated(notification.text.as_str()))
        }
        BeamsContent::Shown => (
            truncated(&notification.from),
            truncated(notification.text.as_str()),
        ),
    }
}

fn truncated(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}
