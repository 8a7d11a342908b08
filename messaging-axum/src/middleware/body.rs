//! A body is read whole before the request is carried out: into one buffer, by one deadline.
//!
//! Carrying out is spawned and outlives its client, so nothing in it may wait for that client. And a part of a body, as
//! a web server hands it over, may hold on to the whole buffer that it was received into: a body that comes a byte at a
//! time would take thousands of times its length if its parts were kept.

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

/// From whom bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFrom {
    /// From callers whom the host's login knows; the body of any other request is left unread.
    Callers,
    /// From every client.
    Anyone,
}

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    bytes: usize,
    time: Duration,
    from: BodyFrom,
}

/// Why a body was not read, for the extractors of bodies to answer: a request that is refused before its body is
/// looked at is refused for that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unread(pub(crate) Code);

impl Limits {
    pub(super) fn new(options: &HttpOptions, from: BodyFrom) -> Self {
        Self {
            bytes: options.body_limit,
            time: options.body_timeout,
            from,
        }
    }

    fn asks_for_body_of(self, request: &Request) -> bool {
        let may_act = self.from == BodyFrom::Anyone || request.extensions().get::<Actor>().is_some();
        may_act && !matches!(*request.method(), Method::GET | Method::HEAD)
    }
}

/// Puts the body, once it is there, in the place of the one that is to come.
pub(super) async fn read(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if !limits.asks_for_body_of(&request) {
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
    parts.extensions.insert(Unread(code));
    let mut response = next.run(Request::from_parts(parts, Body::empty())).await;
    // The rest of the body is not waited for, so the connection is of no further use.
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
        // Trailers are passed over.
        let Ok(part) = frame.into_data() else {
            continue;
        };
        if part.len() > limit - whole.len() {
            return Err(Code::PayloadTooLarge);
        }
        if whole.capacity() - whole.len() < part.len() {
            // Doubled as ever, but never beyond the limit.
            let room = (whole.len() + part.len()).max(2 * whole.capacity()).min(limit);
            whole.reserve_exact(room - whole.len());
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
