//! POST `/pusher/webhooks`: receives reports of the realtime server.

use axum::{extract::State, http::HeaderMap};
use messaging_core::{
    Messaging,
    transport::channels::{Webhook, WebhookError},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::RawBody,
    response::{ApiResponse, ItemBody},
    status::Code,
};

/// An empty object: the webhook was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Noted)]
pub(crate) struct WebhookAccepted {}

/// Receive a webhook
///
/// For the realtime server. The signature over the unchanged body authenticates it.
#[utoipa::path(
    post,
    path = "/pusher/webhooks",
    tag = "realtime",
    operation_id = "receiveWebhook",
    request_body(content = Object, description = "The body as sent by the realtime server."),
    responses((status = 200, body = ItemBody<WebhookAccepted>), (status = 401)),
    security(("webhookKey" = [], "webhookSignature" = []))
)]
pub(crate) async fn receive(
    State(messaging): State<Messaging>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<ApiResponse<ItemBody<WebhookAccepted>>, ApiError> {
    let headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    match messaging
        .operations()
        .receive_webhook(&Webhook::new(headers, &body))
    {
        Ok(()) => Ok(ApiResponse::ok(WebhookAccepted {})),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "webhook refused; presence stays cached until it expires"
            );
            Err(match error {
                WebhookError::NotAuthentic(_) => {
                    ApiError::new(Code::Unauthenticated).with_message("The signature is not valid.")
                }
                _ => ApiError::new(Code::ValidationFailed).with_message("The body cannot be read."),
            })
        }
    }
}
