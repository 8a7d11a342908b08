//! The page, as it stands in the binary.

use axum::{
    Router,
    http::{
        HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::IntoResponse,
    routing::get,
};

use crate::demo::RealtimeConfig;

/// What the page may load, and that it may talk to this server. No inline script and no inline style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; connect-src 'self'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The page and what it is made of. It may also talk to the realtime server, should that be another.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(realtime: Option<&RealtimeConfig>) -> Router<S> {
    let pusher_js = include_str!("../assets/vendor/pusher.min.js");
    let policy = match realtime {
        Some(realtime) => format!("{POLICY} {}", realtime.origin()),
        None => POLICY.to_owned(),
    };
    Router::new()
        .route("/", page(policy))
        .route("/assets/page.css", file(CSS, include_str!("../assets/page.css")))
        .merge(modules())
        .route("/assets/icon.svg", file(SVG, include_str!("../assets/icon.svg")))
        .route("/assets/vendor/pusher.min.js", file(JS, pusher_js))
}

/// The page's script, a module for each idea.
fn modules<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/page.js", file(JS, include_str!("../assets/page.js")))
        .route(
            "/assets/composer.js",
            file(JS, include_str!("../assets/composer.js")),
        )
        .route("/assets/draw.js", file(JS, include_str!("../assets/draw.js")))
        .route(
            "/assets/elements.js",
            file(JS, include_str!("../assets/elements.js")),
        )
        .route("/assets/list.js", file(JS, include_str!("../assets/list.js")))
        .route(
            "/assets/presence.js",
            file(JS, include_str!("../assets/presence.js")),
        )
        .route("/assets/server.js", file(JS, include_str!("../assets/server.js")))
        .route("/assets/state.js", file(JS, include_str!("../assets/state.js")))
        .route("/assets/thread.js", file(JS, include_str!("../assets/thread.js")))
        .route("/assets/typing.js", file(JS, include_str!("../assets/typing.js")))
}

fn page<S: Clone + Send + Sync + 'static>(policy: String) -> axum::routing::MethodRouter<S> {
    // Made of a validated host's name: always a header's value.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY));
    get(async move || {
        let html = include_str!("../assets/index.html");
        let mut response = (headers(HTML), html).into_response();
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy.clone());
        response
    })
}

fn file<S: Clone + Send + Sync + 'static>(
    content_type: &'static str,
    content: &'static str,
) -> axum::routing::MethodRouter<S> {
    get(async move || (headers(content_type), content).into_response())
}

fn headers(content_type: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}
