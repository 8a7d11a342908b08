use std::fmt::Display;

use axum::{
    extract::{self, FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{
    error::ApiError,
    extract::{Field, Fields},
    status::Code,
};

/// The query parameters.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The `id` segment of the path.
#[derive(Debug)]
pub(crate) struct PathId<Id>(pub(crate) Id);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = extract::Query::from_request_parts(parts, state).await;
        read.map(|extract::Query(it)| Self(it)).map_err(|_| {
            ApiError::new(Code::ValidationFailed)
                .with_message("The query is not valid: each parameter may occur only once.")
        })
    }
}

impl<S, Id> FromRequestParts<S> for PathId<Id>
where
    S: Send + Sync,
    Id: TryFrom<String, Error: Display>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        let segment = segment.map_or(Field::WrongType, |Path(id)| Field::Given(id));
        let mut fields = Fields::default();
        let id = fields.required("id", segment, Id::try_from);
        id.map(Self).map_err(|_| fields.into())
    }
}
