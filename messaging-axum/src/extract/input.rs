use std::fmt::Display;

use axum::{
    extract::{self, FromRequest, FromRequestParts, Path, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::ApiError,
    extract::{Field, Fields},
    status::Code,
};

/// A body that is a JSON object. Fields that it does not know are passed over.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A body that is a form.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

/// The query.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The id in the path.
#[derive(Debug)]
pub(crate) struct PathId<Id>(pub(crate) Id);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // By way of an object, for a struct could also be read from an array.
        let read = axum::Json::<Map<String, Value>>::from_request(request, state).await;
        let axum::Json(object) = read.map_err(|rejection| match rejection {
            JsonRejection::JsonDataError(_) => not_an_object(),
            other => refused(other.status(), "application/json", "The body is not valid JSON."),
        })?;
        T::deserialize(Value::Object(object))
            .map(Self)
            .map_err(|_| not_an_object())
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = extract::Form::from_request(request, state).await;
        let form = "application/x-www-form-urlencoded";
        read.map(|extract::Form(it)| Self(it))
            .map_err(|rejection| refused(rejection.status(), form, "The body is not a valid form."))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = extract::Query::from_request_parts(parts, state).await;
        read.map(|extract::Query(it)| Self(it)).map_err(|_| {
            ApiError::new(Code::ValidationFailed)
                .with_sentence("The query is not valid: a parameter may stand there only once.")
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

fn not_an_object() -> ApiError {
    ApiError::new(Code::ValidationFailed).with_sentence("The body must be a JSON object.")
}

/// A body that was refused before its fields were looked at.
fn refused(status: StatusCode, content_type: &str, invalid: &'static str) -> ApiError {
    let code = Code::of_rejection(status);
    let error = ApiError::new(code);
    match code {
        Code::UnsupportedMediaType => {
            error.with_sentence(format!("The request's content type must be {content_type}."))
        }
        Code::ValidationFailed => error.with_sentence(invalid),
        _ => error,
    }
}
