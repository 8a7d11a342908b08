use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::status;

/// An answer that gives what was asked for: `{"success": true, "data": …}`, and `meta` where there is some.
#[derive(Debug)]
pub(crate) struct Answer<T, M = ()> {
    status: StatusCode,
    data: T,
    meta: Option<M>,
}

/// What is said of a page: how many it could hold, and where the list goes on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    pub(crate) limit: usize,
    pub(crate) has_more: bool,
    pub(crate) next_cursor: Option<String>,
}

/// It is done, and there is nothing to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done;

impl<T> Answer<T> {
    pub(crate) fn found(data: T) -> Self {
        Self::made_or_found(data, false)
    }

    pub(crate) fn made_or_found(data: T, created: bool) -> Self {
        Self {
            status: status::of_creation(created),
            data,
            meta: None,
        }
    }
}

impl<T, M> Answer<T, M> {
    pub(crate) fn with_meta(data: T, meta: M) -> Self {
        Self {
            status: status::OK,
            data,
            meta: Some(meta),
        }
    }
}

#[derive(Serialize)]
struct Envelope<T, M> {
    success: bool,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
}

impl<T: Serialize, M: Serialize> IntoResponse for Answer<T, M> {
    fn into_response(self) -> Response {
        let envelope = Envelope {
            success: true,
            data: self.data,
            meta: self.meta,
        };
        (self.status, Json(envelope)).into_response()
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        status::DONE.into_response()
    }
}
