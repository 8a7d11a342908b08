use axum::{
    body::Bytes,
    extract::{self, FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{around::Unread, error::ApiError, status::Code};

/// A body as it came.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) Bytes);

/// A body that is a JSON object. Fields that it does not know are passed over.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A body that is a form.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let request = readable(request)?;
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|_| unreadable(Code::ValidationFailed))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // By way of an object, for a struct could also be read from an array.
        let read = axum::Json::<Map<String, Value>>::from_request(readable(request)?, state).await;
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
        let read = extract::Form::from_request(readable(request)?, state).await;
        let form = "application/x-www-form-urlencoded";
        read.map(|extract::Form(it)| Self(it))
            .map_err(|rejection| refused(rejection.status(), form, "The body is not a valid form."))
    }
}

/// The request, unless its body could not be read.
fn readable(request: Request) -> Result<Request, ApiError> {
    match request.extensions().get() {
        Some(Unread(code)) => Err(unreadable(*code)),
        None => Ok(request),
    }
}

fn unreadable(code: Code) -> ApiError {
    let error = ApiError::new(code);
    match code {
        Code::UnsupportedMediaType => error.with_sentence("The request's body must not be compressed."),
        Code::ValidationFailed => error.with_sentence("The request's body cannot be read."),
        _ => error,
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
