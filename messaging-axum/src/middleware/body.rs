//! Reads the whole body before the handler runs: into one buffer, before one deadline.
//!
//! The handler runs in a spawned task that outlives its client, so it must not wait for the client. Also, a part of a
//! body may keep the web server's whole receive buffer alive: a body that arrives one byte at a time would take
//! thousands of times its length if its parts were kept.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, Version,
        header::{CONNECTION, CONTENT_ENCODING},
    },
    middleware::Next,
    response::Response,
};
use messaging_core::Actor;
use tokio::time::timeout;

use crate::{options::HttpOptions, status::Code};

/// The requests whose bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyAccess {
    /// Requests with an actor; other bodies stay unread.
    Authenticated,
    /// All requests.
    Public,
}

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    bytes: usize,
    time: Duration,
    access: BodyAccess,
}

/// The reason why a body was not read, for the body extractors: errors found before the body is extracted take
/// precedence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyError(pub(crate) Code);

impl BodyLimits {
    pub(super) fn new(options: &HttpOptions, access: BodyAccess) -> Self {
        Self {
            bytes: options.body_limit,
            time: options.body_timeout,
            access,
        }
    }

    fn reads_body_of(self, request: &Request) -> bool {
        let may_send_body =
            self.access == BodyAccess::Public || request.extensions().get::<Actor>().is_some();
        may_send_body && !matches!(*request.method(), Method::GET | Method::HEAD)
    }
}

/// Replaces the body by a fully received one.
pub(super) async fn read(State(limits): State<BodyLimits>, request: Request, next: Next) -> Response {
    if !limits.reads_body_of(&request) {
        return next.run(request).await;
    }
    let (mut parts, mut body) = request.into_parts();
    let read = if is_encoded(&parts.headers) {
        Err(Code::UnsupportedMediaType)
    } else {
        let read = collect(&mut body, limits.bytes);
        timeout(limits.time, read)
            .await
            .unwrap_or(Err(Code::RequestTimeout))
    };
    let code = match read {
        Ok(whole) => return next.run(Request::from_parts(parts, whole.into())).await,
        Err(code) => code,
    };
    let is_http_1 = parts.version <= Version::HTTP_11;
    parts.extensions.insert(BodyError(code));
    let mut response = next.run(Request::from_parts(parts, Body::empty())).await;
    // The rest of the body stays unread, so the connection cannot be reused.
    if is_http_1 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn collect(body: &mut Body, limit: usize) -> Result<Bytes, Code> {
    let is_within = |length| usize::try_from(length).is_ok_and(|length| length <= limit);
    if !is_within(body.size_hint().lower()) {
        return Err(Code::PayloadTooLarge);
    }
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Code::ValidationFailed)?;
        // Trailers are ignored.
        let Ok(part) = frame.into_data() else {
            continue;
        };
        if part.len() > limit - whole.len() {
            return Err(Code::PayloadTooLarge);
        }
        if whole.capacity() - whole.len() < part.len() {
            // Grow by doubling, but not beyond the limit.
            let capacity = (whole.len() + part.len()).max(2 * whole.capacity()).min(limit);
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings
        .map(HeaderValue::as_bytes)
        .any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity"))
}
