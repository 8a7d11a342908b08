//! No other site has a browser act with the login cookie of its user.

use anyhow::Context as _;
use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{HeaderName, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::login;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What tells requests of this site's own pages from those of others.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    layer: CsrfLayer<fn(ProtectionError) -> Response>,
    trusted: Option<HeaderValue>,
}

impl Guard {
    /// A guard that trusts the origin of this URL too, which the proxies in front of this server may hide from it.
    ///
    /// # Errors
    /// When it has no origin.
    pub(crate) fn new(public_url: Option<&str>) -> anyhow::Result<Self> {
        let mut layer = CsrfLayer::new();
        let mut trusted = None;
        if let Some(url) = public_url {
            let origin = origin_of(url).context("PUBLIC_URL must be an http or https URL")?;
            layer = layer.add_trusted_origin(&origin)?;
            trusted = Some(HeaderValue::try_from(origin)?);
        }
        Ok(Self {
            layer: layer.with_rejection_response(|_| refused()),
            trusted,
        })
    }

    /// Whether it is a page of another site that has this read. Reading marks as read, and writes audit lines.
    fn is_read_from_elsewhere(&self, request: &Request) -> bool {
        let headers = request.headers();
        let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        matches!(*request.method(), Method::GET | Method::HEAD)
            && matches!(site, Some(b"cross-site" | b"same-site"))
            && (self.trusted.is_none() || headers.get(ORIGIN) != self.trusted.as_ref())
    }
}

/// Refuses what another site has a browser do. A request without the cookie is none: no other site may set the header
/// that names a user, as nothing here allows it to (CORS).
pub(crate) async fn refuse(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if !login::has_cookie(request.headers()) {
        return next.run(request).await;
    }
    if guard.is_read_from_elsewhere(&request) {
        return refused();
    }
    let Ok(response) = guard.layer.layer(next).oneshot(request).await;
    response
}

fn refused() -> Response {
    let refusal = json!({"success": false, "error": "This comes from another site.", "code": "cross_site"});
    (StatusCode::FORBIDDEN, Json(refusal)).into_response()
}

/// As browsers write it.
fn origin_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    Some(origin.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_url_begins_with() {
        let check = |url, origin: Option<&str>| assert_eq!(origin_of(url).as_deref(), origin, "{url}");
        check("https://Tours.example/a?b", Some("https://tours.example"));
        check("http://localhost:3000", Some("http://localhost:3000"));
        check("tours.example", None);
        check("/tours", None);
        assert!(Guard::new(Some("ftp://tours.example")).is_err());
    }
}
