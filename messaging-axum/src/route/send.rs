//! POST `/messages`: sends a message.

use axum::{extract::State, http::HeaderMap};
use messaging_core::{Body, ConversationId, IdempotencyKey, Messaging, SendMessage, event::MessagePayload};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, InvalidField, Json},
    response::{ApiResponse, ItemBody},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendBody {
    #[schema(value_type = ConversationId, required)]
    #[serde(default)]
    conversation_id: Field<String>,
    /// Plain text with at least one visible character. Trimmed and normalised (NFC, LF); control characters are removed, and
    /// an unpaired surrogate becomes U+FFFD.
    #[schema(value_type = String, required, min_length = 1, max_length = 2000, examples("Is there snow?"))]
    #[serde(default)]
    content: Field<String>,
    /// The idempotency key: repeating a send with the same key is safe.
    #[schema(value_type = Option<IdempotencyKey>)]
    #[serde(default)]
    client_message_id: Field<String>,
}

/// Alternative to `clientMessageId`.
const HEADER: &str = "Idempotency-Key";

/// Send a message
///
/// With an idempotency key, the request can be repeated until it succeeds and creates one message.
#[utoipa::path(
    post,
    path = "/messages",
    tag = "messages",
    operation_id = "sendMessage",
    params((
        "Idempotency-Key" = Option<IdempotencyKey>,
        Header,
        description = "Alternative to `clientMessageId`; if both are given they must be equal."
    )),
    request_body = SendBody,
    responses(
        (status = 201, body = ItemBody<MessagePayload>, description = "The message was sent."),
        (status = 200, body = ItemBody<MessagePayload>, description = "The message had been sent before; this is the original."),
        (status = 403),
        (status = 404),
        (status = 409),
        (status = 429),
    )
)]
pub(crate) async fn send(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    headers: HeaderMap,
    Json(body): Json<SendBody>,
) -> Result<ApiResponse<ItemBody<MessagePayload>>, ApiError> {
    let message = body.parse(&headers)?;
    let sent = messaging.send_message(&actor, &message).await?;
    Ok(ApiResponse::created_or_ok(
        sent.message.into_payload(),
        sent.created,
    ))
}

impl SendBody {
    fn parse(self, headers: &HeaderMap) -> Result<SendMessage, ApiError> {
        let mut fields = Fields::default();
        let conversation_id = fields.required("conversationId", self.conversation_id, ConversationId::parse);
        let content = fields.required("content", self.content, Body::parse);
        let in_body = fields.optional("clientMessageId", self.client_message_id, IdempotencyKey::parse);
        let in_header = key_in_header(&mut fields, headers);
        let key = match (in_body, in_header) {
            (Ok(Some(a)), Ok(Some(b))) if a != b => {
                Err(fields.reject(HEADER, "must equal clientMessageId when both are given"))
            }
            (Ok(a), Ok(b)) => Ok(a.or(b)),
            (Err(failed), _) | (_, Err(failed)) => Err(failed),
        };
        match (conversation_id, content, key) {
            (Ok(conversation_id), Ok(body), Ok(key)) => {
                Ok(SendMessage::new(conversation_id, body).with_idempotency_key(key))
            }
            _ => Err(fields.into()),
        }
    }
}

fn key_in_header(fields: &mut Fields, headers: &HeaderMap) -> Result<Option<IdempotencyKey>, InvalidField> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(fields.reject(HEADER, "may be given only once")),
        // A value other than visible ASCII is treated as empty, which is not a valid key.
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default().to_owned();
            fields.optional(HEADER, Field::Given(text), IdempotencyKey::parse)
        }
        (None, None) => Ok(None),
    }
}
