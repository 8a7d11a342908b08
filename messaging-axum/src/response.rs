use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{schema, status};

/// A successful response: a status and a JSON body.
#[derive(Debug)]
pub(crate) struct ApiResponse<T> {
    status: StatusCode,
    body: T,
}

/// The response body for one item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answer<T>)]
pub(crate) struct ItemBody<T> {
    #[schema(schema_with = schema::always_true)]
    success: bool,
    data: T,
}

/// The response body for a list with metadata.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = List<T, M>)]
pub(crate) struct ListBody<T, M> {
    #[schema(schema_with = schema::always_true)]
    success: bool,
    data: Vec<T>,
    meta: M,
}

/// Metadata of a page: its limit and the position of the next page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    /// The maximum number of items of this page.
    pub(crate) limit: usize,
    /// Whether another page follows.
    pub(crate) has_more: bool,
    /// The value of `cursor` for the next page; null on the last page.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// A successful response without a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoContent;

impl<T> ApiResponse<ItemBody<T>> {
    pub(crate) fn ok(data: T) -> Self {
        Self::created_or_ok(data, false)
    }

    pub(crate) fn created_or_ok(data: T, created: bool) -> Self {
        Self {
            status: status::created_or_ok(created),
            body: ItemBody { success: true, data },
        }
    }
}

impl<T, M> ApiResponse<ListBody<T, M>> {
    pub(crate) fn list(data: impl IntoIterator<Item = T>, meta: M) -> Self {
        Self {
            status: status::OK,
            body: ListBody {
                success: true,
                data: data.into_iter().collect(),
                meta,
            },
        }
    }
}

impl<T: Serialize> IntoResponse for ApiResponse<T> {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        status::NO_CONTENT.into_response()
    }
}
