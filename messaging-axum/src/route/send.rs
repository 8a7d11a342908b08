//! POST `/messages`: sending.

use axum::{extract::State, http::HeaderMap};
use messaging_core::{Body, ConversationId, Messaging, SendKey, SendMessage, event::MessagePayload};
use serde::Deserialize;

use crate::{
    answer::Answer,
    error::ApiError,
    extract::{Caller, Failed, Field, Fields, Json},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SendBody {
    conversation_id: Field<String>,
    content: Field<String>,
    client_message_id: Field<String>,
}

/// Another place for `clientMessageId`.
const HEADER: &str = "Idempotency-Key";

pub(crate) async fn send(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    headers: HeaderMap,
    Json(body): Json<SendBody>,
) -> Result<Answer<MessagePayload>, ApiError> {
    let message = body.parse(&headers)?;
    let sent = messaging.send_message(&actor, &message).await?;
    Ok(Answer::made_or_found(sent.message.into_payload(), sent.created))
}

impl SendBody {
    fn parse(self, headers: &HeaderMap) -> Result<SendMessage, ApiError> {
        let mut fields = Fields::default();
        let conversation_id = fields.required("conversationId", self.conversation_id, ConversationId::parse);
        let content = fields.required("content", self.content, |text: String| Body::parse(&text));
        let in_body = fields.optional("clientMessageId", self.client_message_id, SendKey::parse);
        let in_header = key_in_header(&mut fields, headers);
        let key = match (in_body, in_header) {
            (Ok(Some(a)), Ok(Some(b))) if a != b => {
                Err(fields.refuse(HEADER, "must equal clientMessageId when both are given"))
            }
            (Ok(a), Ok(b)) => Ok(a.or(b)),
            (Err(failed), _) | (_, Err(failed)) => Err(failed),
        };
        match (conversation_id, content, key) {
            (Ok(conversation_id), Ok(body), Ok(key)) => Ok(SendMessage {
                conversation_id,
                body,
                key,
            }),
            _ => Err(fields.into()),
        }
    }
}

fn key_in_header(fields: &mut Fields, headers: &HeaderMap) -> Result<Option<SendKey>, Failed> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(fields.refuse(HEADER, "may be given only once")),
        // What is not visible ASCII is no key, and neither is the empty text.
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default().to_owned();
            fields.optional(HEADER, Field::Given(text), SendKey::parse)
        }
        (None, None) => Ok(None),
    }
}
