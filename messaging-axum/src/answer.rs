use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{schema, status};

/// An answer that gives what was asked for.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    status: StatusCode,
    body: T,
}

/// An answer about one thing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answer<T>)]
pub(crate) struct One<T> {
    #[schema(schema_with = schema::always_true)]
    success: bool,
    data: T,
}

/// An answer with a list, and what is said of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = List<T, M>)]
pub(crate) struct Many<T, M> {
    #[schema(schema_with = schema::always_true)]
    success: bool,
    data: Vec<T>,
    meta: M,
}

/// What is said of a page: how many it could hold, and where the list goes on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    /// How many it could hold.
    pub(crate) limit: usize,
    /// Whether there are more.
    pub(crate) has_more: bool,
    /// What goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// It is done, and there is nothing to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done;

impl<T> Answer<One<T>> {
    pub(crate) fn found(data: T) -> Self {
        Self::made_or_found(data, false)
    }

    pub(crate) fn made_or_found(data: T, created: bool) -> Self {
        Self {
            status: status::of_creation(created),
            body: One { success: true, data },
        }
    }
}

impl<T, M> Answer<Many<T, M>> {
    pub(crate) fn list(data: impl IntoIterator<Item = T>, meta: M) -> Self {
        Self {
            status: status::OK,
            body: Many {
                success: true,
                data: data.into_iter().collect(),
                meta,
            },
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        status::DONE.into_response()
    }
}
