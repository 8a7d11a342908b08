//! Requests of use cases, and parts of their results.

use messaging_core::{
    Body, ConversationId, Error, ErrorKind, IdempotencyKey, OpenConversation, SendMessage,
    participant::History,
};

use super::people::{agent, booking};

pub(crate) fn message(conversation_id: ConversationId, text: &str, key: Option<&str>) -> SendMessage {
    let key = key.map(|key| IdempotencyKey::parse(key).unwrap());
    SendMessage::new(conversation_id, Body::parse(text).unwrap()).with_idempotency_key(key)
}

pub(crate) fn open(agent_id: &str, booking_id: Option<&str>) -> OpenConversation {
    OpenConversation::new(agent(agent_id)).with_booking(booking_id.map(booking))
}

pub(crate) fn unknown_conversation() -> ConversationId {
    ConversationId::parse("0190163d-8694-739b-aea5-966c26f8ad91").unwrap()
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: Result<T, Error>) -> ErrorKind {
    answer.unwrap_err().kind().clone()
}

pub(crate) const FORBIDDEN: ErrorKind = ErrorKind::Forbidden { message: None };

pub(crate) fn shown(history: &History) -> Vec<&str> {
    history
        .messages
        .iter()
        .map(|message| message.row.message.body.stored_text())
        .collect()
}
