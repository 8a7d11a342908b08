//! The API reference: Swagger UI for the OpenAPI document, embedded in the binary.

use axum::{
    Router,
    http::{HeaderValue, header::CONTENT_SECURITY_POLICY},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

const DOCUMENT: &str = "/api/messages/openapi.json";

/// The style sheet contains icons as data URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /docs`. Requests sent from the page have real effects, as the user entered under *Authorize*.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let config = Config::new([DOCUMENT])
        .use_base_layout()
        .display_request_duration(true)
        .persist_authorization(true);
    let pages: Router<S> = SwaggerUi::new("/docs").config(config).into();
    pages.layer(SetResponseHeaderLayer::if_not_present(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ))
}
