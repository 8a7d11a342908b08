use std::borrow::Cow;

use axum::{
    body::Bytes,
    extract::{self, FromRequest, Request, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, map::Entry};

use super::json_text;
use crate::{error::ApiError, middleware::BodyError, status::Code};

/// The body as bytes.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

/// A JSON object. Unknown fields are ignored.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A form or a JSON object: client libraries of the realtime server send either. A repeated or indexed form field
/// (`name[0]`, `name[]`) is a list.
#[derive(Debug)]
pub(crate) struct FormOrJson<T>(pub(crate) T);

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let request = body_read(request)?;
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|_| body_error(Code::ValidationFailed))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // serde also deserialises a struct from an array; going through an object rejects that.
        object(request, state).await.and_then(deserialize).map(Self)
    }
}

async fn object<S: Send + Sync>(request: Request, state: &S) -> Result<Map<String, Value>, ApiError> {
    let (parts, body) = body_read(request)?.into_parts();
    let body = Bytes::from_request(Request::new(body), state).await;
    let body = body.map_err(|_| body_error(Code::ValidationFailed))?;
    let text = match json_text::repaired(&body) {
        Cow::Borrowed(text) => body.slice_ref(text),
        Cow::Owned(text) => text.into(),
    };
    let read = axum::Json::from_request(Request::from_parts(parts, text.into()), state).await;
    let axum::Json(object) = read.map_err(|rejection| match rejection {
        JsonRejection::JsonDataError(_) => not_an_object(),
        other => rejection_error(other.status(), JSON, "The body is not valid JSON."),
    })?;
    Ok(object)
}

fn deserialize<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    T::deserialize(Value::Object(object)).map_err(|_| not_an_object())
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for FormOrJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if is_json(request.headers()) {
            return object(request, state).await.and_then(deserialize).map(Self);
        }
        let form = extract::Form::from_request(body_read(request)?, state).await;
        let extract::Form(pairs) = form.map_err(|rejection| {
            let either = format!("{FORM} or {JSON}");
            rejection_error(rejection.status(), &either, "The body is not a valid form.")
        })?;
        deserialize(fields(pairs)).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|given| given.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON))
}

fn fields(pairs: Vec<(String, String)>) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in pairs {
        let indexed = name.strip_suffix(']').and_then(|name| name.split_once('['));
        let (name, is_list) = match indexed {
            Some((name, _)) => (name.to_owned(), true),
            None => (name, false),
        };
        match fields.entry(name) {
            Entry::Vacant(entry) if is_list => {
                entry.insert(Value::Array(vec![value.into()]));
            }
            Entry::Vacant(entry) => {
                entry.insert(value.into());
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(list) => list.push(value.into()),
                first => *first = Value::Array(vec![first.take(), value.into()]),
            },
        }
    }
    fields
}

/// Returns the request, or the error if the middleware could not read its body.
fn body_read(request: Request) -> Result<Request, ApiError> {
    match request.extensions().get() {
        Some(BodyError(code)) => Err(body_error(*code)),
        None => Ok(request),
    }
}

fn body_error(code: Code) -> ApiError {
    let error = ApiError::new(code);
    match code {
        Code::UnsupportedMediaType => error.with_message("The request's body must not be compressed."),
        Code::ValidationFailed => error.with_message("The request's body cannot be read."),
        _ => error,
    }
}

fn not_an_object() -> ApiError {
    ApiError::new(Code::ValidationFailed).with_message("The body must be a JSON object.")
}

/// The error for a body that axum's extractor rejected.
fn rejection_error(status: StatusCode, content_type: &str, invalid: &'static str) -> ApiError {
    let code = Code::of_rejection(status);
    let error = ApiError::new(code);
    match code {
        Code::UnsupportedMediaType => {
            error.with_message(format!("The request's content type must be {content_type}."))
        }
        Code::ValidationFailed => error.with_message(invalid),
        _ => error,
    }
}
