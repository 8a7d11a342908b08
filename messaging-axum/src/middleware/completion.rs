//! A request that has arrived is carried out to its end, whether or not its client still waits. A web server
//! drops the work of a client that goes away; dropped between a commit and its hand-over to the relay, an
//! event would wait for its lease to be over.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use crate::error::ApiError;

pub(super) async fn complete(request: Request, next: Next) -> Response {
    let work = tokio::spawn(next.run(request).in_current_span());
    // Panics are caught further inside: what is left is a runtime that shuts down.
    work.await
        .unwrap_or_else(|_| ApiError::outcome_unknown().into_response())
}
