//! The built web application of `examples/web`, embedded in the binary.

use axum::{
    Router,
    extract::Path,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use tower_http::compression::CompressionLayer;

use crate::demo::RealtimeConfig;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Bundle;

/// The content security policy: own resources and connections only; no inline scripts or styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; connect-src 'self'";

/// Serves the application, which routes by path itself. If the realtime server is external, the policy allows
/// connecting to it.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(realtime: Option<&RealtimeConfig>) -> Router<S> {
    let policy = match realtime {
        Some(realtime) => format!("{POLICY} {}", realtime.origin()),
        None => POLICY.to_owned(),
    };
    // The host name is validated, so this is always a valid header value.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY));
    let page = get(async move || page(policy.clone()));
    Router::new()
        .route("/", page.clone())
        .route("/as/{user}", page.clone())
        .route("/as/{user}/{*page}", page)
        .route("/assets/{file}", get(asset))
        .route("/icon.svg", get(async || file("icon.svg", "no-cache")))
        .layer(CompressionLayer::new())
}

fn page(policy: HeaderValue) -> Response {
    let mut response = file("index.html", "no-cache");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// File names contain a hash of their content.
async fn asset(Path(name): Path<String>) -> Response {
    file(&format!("assets/{name}"), "public, max-age=31536000, immutable")
}

fn file(path: &str, cache: &'static str) -> Response {
    let Some((content_type, file)) = content_type(path).zip(Bundle::get(path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (HeaderMap::from_iter(headers), file.data).into_response()
}

fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "md" => "text/markdown; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_can_be_served() {
        assert!(Bundle::get("index.html").is_some());
        for path in Bundle::iter() {
            assert_eq!(file(&path, "no-cache").status(), 200, "{path}");
        }
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in ["", "..", "assets/../index.html", "/etc/passwd", "assets/none.js"] {
            assert_eq!(file(path, "no-cache").status(), 404, "{path}");
        }
    }
}
