//! POST `/messages/typing`: sets the caller's typing state.

use std::convert::Infallible;

use axum::extract::State;
use messaging_core::{
    ConversationId, Messaging,
    event::{SocketId, Typing},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Json},
    response::NoContent,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypingBody {
    #[schema(value_type = ConversationId, required)]
    #[serde(default)]
    conversation_id: Field<String>,
    #[schema(value_type = bool, required)]
    #[serde(default)]
    typing: Field<bool>,
    /// The caller's own connection, which does not receive the event.
    #[schema(value_type = Option<SocketId>)]
    #[serde(default)]
    socket_id: Field<String>,
}

/// Set the typing state
///
/// Notifies the other side that the caller is typing or has stopped. Nothing is stored.
#[utoipa::path(
    post,
    path = "/messages/typing",
    tag = "messages",
    operation_id = "setTyping",
    request_body = TypingBody,
    responses((status = 204), (status = 403), (status = 404), (status = 429))
)]
pub(crate) async fn set_typing(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Json(body): Json<TypingBody>,
) -> Result<NoContent, ApiError> {
    let mut fields = Fields::default();
    let conversation_id = fields.required("conversationId", body.conversation_id, ConversationId::parse);
    let is_typing = fields.required("typing", body.typing, Ok::<_, Infallible>);
    let except = fields.optional("socketId", body.socket_id, SocketId::parse);
    let (Ok(conversation_id), Ok(is_typing), Ok(except)) = (conversation_id, is_typing, except) else {
        return Err(fields.into());
    };
    let typing = if is_typing {
        Typing::Started
    } else {
        Typing::Stopped
    };
    messaging
        .set_typing(&actor, conversation_id, typing, except)
        .await?;
    Ok(NoContent)
}
