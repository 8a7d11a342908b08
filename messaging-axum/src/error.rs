//! Error responses.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use messaging_core::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{failure::Failure, schema, status::Code};

/// An error response: `{"success": false, "error": "<message>", "code": …}`. Never contains the text of an internal
/// error.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<FieldError>,
    retry_after: Option<Duration>,
    failure: Option<Failure>,
}

/// The reason why a request field is invalid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The name of the field.
    pub(crate) field: &'static str,
    /// The reason, for people.
    #[schema(value_type = String)]
    pub(crate) message: Cow<'static, str>,
}

const UNSUPPORTED: &str = "You are not allowed to do this: it is not supported here.";

/// Retry delay after a write with an unknown outcome. Its idempotency key makes a repetition safe.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

impl ApiError {
    /// Creates an error with the default message of its code.
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(default_message(code)),
            details: Vec::new(),
            retry_after: None,
            failure: None,
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(crate) fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// A validation error for these fields. The message lists all of them.
    pub(crate) fn validation(details: Vec<FieldError>) -> Self {
        let fields: Vec<_> = details
            .iter()
            .map(|FieldError { field, message }| format!("{field} {message}"))
            .collect();
        let message = format!("Please check the request: {}.", fields.join("; "));
        Self {
            details,
            ..Self::new(Code::ValidationFailed).with_message(message)
        }
    }

    /// Attaches the failure to log.
    pub(crate) fn with_failure(self, failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..self
        }
    }

    /// A write with an unknown outcome.
    pub(crate) fn outcome_unknown() -> Self {
        Self::new(Code::OutcomeUnknown).retry_after(REPEAT_AFTER)
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error.kind().clone() {
            ErrorKind::UnknownAgent => Self::new(Code::UnknownAgent),
            ErrorKind::UnknownBooking => Self::new(Code::UnknownBooking),
            ErrorKind::InvalidCursor => Self::new(Code::InvalidCursor),
            ErrorKind::NotFound => Self::new(Code::NotFound),
            ErrorKind::Forbidden { message: None } => Self::new(Code::Forbidden),
            ErrorKind::Forbidden { message: Some(host) } => Self::new(Code::Forbidden).with_message(host),
            // A route whose capability the store lacks is not mounted. What remains is an admin without an audit log.
            ErrorKind::Unsupported => Self::new(Code::Forbidden).with_message(UNSUPPORTED),
            ErrorKind::Blocked => Self::new(Code::ConversationBlocked),
            ErrorKind::Closed => Self::new(Code::ConversationClosed),
            ErrorKind::IdempotencyConflict => Self::new(Code::IdempotencyConflict),
            ErrorKind::ReportFull => Self::new(Code::ReportFull),
            ErrorKind::RateLimited { retry_after } => Self::new(Code::RateLimited).retry_after(retry_after),
            ErrorKind::Unavailable { retry_after } => Self::new(Code::Unavailable)
                .retry_after(retry_after)
                .with_failure(Failure::Unavailable(Arc::new(error))),
            ErrorKind::OutcomeUnknown => {
                Self::outcome_unknown().with_failure(Failure::Unavailable(Arc::new(error)))
            }
            _ => Self::new(Code::Internal).with_failure(Failure::Defect(Arc::new(error))),
        }
    }
}

/// The body of an error response.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    #[schema(schema_with = schema::always_false)]
    success: bool,
    /// A message for people.
    error: &'a str,
    /// A stable code for programs.
    code: Code,
    /// The invalid fields; present only if there are any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>)]
    details: &'a [FieldError],
}

impl ErrorBody<'static> {
    /// The body with the default message of a code.
    pub(crate) const fn for_code(code: Code) -> Self {
        Self {
            success: false,
            error: default_message(code),
            code,
            details: &[],
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            success: false,
            error: &self.message,
            code: self.code,
            details: &self.details,
        };
        let mut response = (self.code.status(), Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

/// The default message of a code.
const fn default_message(code: Code) -> &'static str {
    match code {
        Code::ValidationFailed => "The request is not valid.",
        Code::InvalidCursor => "The cursor does not belong to this list. Start again without one.",
        Code::UnknownAgent => "There is no such agent.",
        Code::UnknownBooking => "You have no such booking with this agent.",
        Code::Unauthenticated => "Please sign in first.",
        Code::Forbidden => "You are not allowed to do this.",
        Code::ConversationBlocked => "You cannot write here: the other person has blocked this conversation.",
        Code::ConversationClosed => "You cannot write here: this conversation is closed.",
        Code::NotFound => "This does not exist, or is not yours to see.",
        Code::MethodNotAllowed => "This method is not supported here.",
        Code::RequestTimeout => "The request took too long to arrive. Please try again.",
        Code::IdempotencyConflict => "This key was used before, for a message with another text.",
        Code::ReportFull => "We have enough about this conversation. Our staff are looking into your report.",
        Code::PayloadTooLarge => "The request is too large.",
        Code::UnsupportedMediaType => "The request has the wrong content type.",
        Code::RateLimited => "You are doing this too often. Please wait a moment.",
        Code::Unavailable => "Messaging is not available at the moment. Please try again shortly.",
        Code::OutcomeUnknown => {
            "It is unknown whether this was done. Please repeat it, with the same key if it had one."
        }
        Code::Internal => "Something went wrong on our side.",
    }
}
