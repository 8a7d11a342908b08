//! POST `/pusher/webhooks`: what the realtime server reports.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
};
use messaging_core::{
    Messaging,
    port::channels::{Webhook, WebhookError},
};
use serde::Serialize;

use crate::{answer::Answer, error::ApiError, status::Code};

/// Noted.
#[derive(Debug, Serialize)]
pub(crate) struct Noted {}

/// The signature says who is calling, so no actor is needed; it is over the body as it came.
pub(crate) async fn receive(
    State(messaging): State<Messaging>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer<Noted>, ApiError> {
    let body = body.map_err(|rejection| ApiError::new(Code::of_rejection(rejection.status())))?;
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
