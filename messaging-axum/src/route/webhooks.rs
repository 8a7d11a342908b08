//! POST `/pusher/webhooks`: what the realtime server reports.

use axum::{extract::State, http::HeaderMap};
use messaging_core::{
    Messaging,
    transport::channels::{Webhook, WebhookError},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer::{Answer, One},
    error::ApiError,
    extract::Raw,
    status::Code,
};

/// Noted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Noted {}

/// Take a webhook
///
/// For the realtime server. The signature, which is over the body as it came, says who is calling.
#[utoipa::path(
    post,
    path = "/pusher/webhooks",
    tag = "realtime",
    operation_id = "receiveWebhook",
    request_body(content = Object, description = "As the realtime server sends it."),
    responses((status = 200, body = One<Noted>), (status = 401)),
    security(("webhookKey" = [], "webhookSignature" = []))
)]
pub(crate) async fn receive(
    State(messaging): State<Messaging>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Answer<One<Noted>>, ApiError> {
    let readable = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    match messaging.receive_webhook(&Webhook::new(readable, &body)) {
        Ok(()) => Ok(Answer::found(Noted {})),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a webhook was refused");
            Err(match error {
                WebhookError::NotAuthentic(_) => {
                    ApiError::new(Code::Unauthenticated).with_sentence("The signature is not valid.")
                }
                _ => ApiError::new(Code::ValidationFailed).with_sentence("The body cannot be read."),
            })
        }
    }
}
