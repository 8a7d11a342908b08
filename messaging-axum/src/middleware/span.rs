//! The tracing span of each request. Contains no query, header or body; the path is the route's pattern.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use tracing::{Span, field};

use super::request_id::RequestId;

pub(super) fn make_span(request: &Request) -> Span {
    let path = request.extensions().get::<MatchedPath>();
    let id = request.extensions().get::<RequestId>();
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = path.map(MatchedPath::as_str),
        request_id = id.map(field::display),
        status = field::Empty,
        latency_ms = field::Empty,
    )
}

pub(super) fn record_response(response: &Response, latency: Duration, span: &Span) {
    span.record("status", response.status().as_u16());
    span.record(
        "latency_ms",
        u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
    );
    tracing::debug!("request finished");
}
