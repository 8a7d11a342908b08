//! Protection against cross-site requests that use the login cookie.

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

/// Distinguishes requests of this site's pages from cross-site requests.
#[derive(Debug, Clone)]
pub(crate) struct CrossSitePolicy {
    layer: CsrfLayer<fn(ProtectionError) -> Response>,
    trusted: Option<HeaderValue>,
}

impl CrossSitePolicy {
    /// Creates a policy. It also trusts the origin of `public_url`, which proxies in front of the server may hide.
    ///
    /// # Errors
    /// If `public_url` has no origin.
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

    /// Whether this is a cross-site read. Reads have side effects: they mark messages as read and write audit records.
    fn is_cross_site_read(&self, request: &Request) -> bool {
        let headers = request.headers();
        let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        matches!(*request.method(), Method::GET | Method::HEAD)
            && matches!(site, Some(b"cross-site" | b"same-site"))
            && (self.trusted.is_none() || headers.get(ORIGIN) != self.trusted.as_ref())
    }
}

/// Refuses cross-site requests with the login cookie. Requests without the cookie pass: another site cannot set the
/// login header, because no CORS response allows it.
pub(crate) async fn refuse_cross_site(
    State(policy): State<CrossSitePolicy>,
    request: Request,
    next: Next,
) -> Response {
    if !login::has_cookie(request.headers()) {
        return next.run(request).await;
    }
    if policy.is_cross_site_read(&request) {
        return refused();
    }
    let Ok(response) = policy.layer.layer(next).oneshot(request).await;
    response
}

fn refused() -> Response {
    let refusal =
        json!({"success": false, "error": "Requests from other sites are refused.", "code": "cross_site"});
    (StatusCode::FORBIDDEN, Json(refusal)).into_response()
}

/// The origin of a URL, as browsers write it.
fn origin_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    Some(origin.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_scheme_and_authority_of_a_url() {
        let check = |url, origin: Option<&str>| assert_eq!(origin_of(url).as_deref(), origin, "{url}");
        check("https://Tours.example/a?b", Some("https://tours.example"));
        check("http://localhost:3000", Some("http://localhost:3000"));
        check("tours.example", None);
        check("/tours", None);
        assert!(CrossSitePolicy::new(Some("ftp://tours.example")).is_err());
    }
}
