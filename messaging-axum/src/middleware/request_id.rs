use std::{fmt, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use messaging_core::clock::{Clock, IdSource, SystemClock, SystemIds};

/// The id of a request in the log and in the response.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Arc<str>);

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_BYTES: usize = 128;

/// Uses the request's `x-request-id` or generates an id, and adds it to the response.
pub(super) async fn set_request_id(mut request: Request, next: Next) -> Response {
    let id = RequestId::from_headers(request.headers()).unwrap_or_else(RequestId::new);
    let value = HeaderValue::from_str(&id.0);
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(value) = value {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

impl RequestId {
    /// The request's own id, if it is safe to log: 1 to 128 characters of `A-Z a-z 0-9 - _ . : = + /`.
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(HEADER)?.to_str().ok()?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.:=+/".contains(&b);
        let fits = (1..=MAX_BYTES).contains(&id.len());
        (fits && id.bytes().all(allowed)).then(|| Self(id.into()))
    }

    fn new() -> Self {
        let id = SystemIds.new_id(SystemClock.now());
        Self(id.to_string().into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
