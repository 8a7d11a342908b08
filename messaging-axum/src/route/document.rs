//! GET `/messages/openapi.json`: what all of the routes take and answer.

use axum::{
    Extension,
    body::Bytes,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;

/// The document, as it is served.
#[derive(Debug, Clone)]
pub(crate) struct Document(Bytes);

impl From<&OpenApi> for Document {
    fn from(document: &OpenApi) -> Self {
        // Made of texts, numbers and maps of them: it always has a JSON.
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
