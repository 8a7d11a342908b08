//! GET `/messages/openapi.json`: the OpenAPI document.

use axum::{
    Extension,
    body::Bytes,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;

/// The serialised document.
#[derive(Debug, Clone)]
pub(crate) struct Document(Bytes);

impl From<&OpenApi> for Document {
    fn from(document: &OpenApi) -> Self {
        // The document has string keys only, so serialising it cannot fail.
        Self(serde_json::to_vec(document).unwrap_or_default().into())
    }
}

/// Read this document
#[utoipa::path(
    get,
    path = "/messages/openapi.json",
    tag = "document",
    operation_id = "readDocument",
    responses((status = 200, body = Object, description = "An OpenAPI 3.1 document.")),
    security(())
)]
pub(crate) async fn show(Extension(Document(json)): Extension<Document>) -> Response {
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
