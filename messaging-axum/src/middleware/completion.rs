//! Runs every received request to completion, even if the client disconnects. A web server drops the work of a
//! disconnected client; if dropped between a commit and the hand-over to the relay, an event would be delayed until its
//! lane's lease expires.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use crate::error::ApiError;

pub(super) async fn run_to_completion(request: Request, next: Next) -> Response {
    let task = tokio::spawn(next.run(request).in_current_span());
    // Panics are caught by an inner layer: the task fails only if the runtime shuts down.
    task.await
        .unwrap_or_else(|_| ApiError::outcome_unknown().into_response())
}
