//! Why a request was not answered with what it asked for, as it is told to people and to programs.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use messaging_core::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{schema, status::Code, trouble::Trouble};

/// `{"success": false, "error": "<a sentence>", "code": …}`. It never carries another error's text.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: Code,
    sentence: Cow<'static, str>,
    details: Vec<FieldError>,
    retry_after: Option<Duration>,
    trouble: Option<Trouble>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Its name.
    pub(crate) field: &'static str,
    /// What is wrong with it.
    #[schema(value_type = String)]
    pub(crate) message: Cow<'static, str>,
}

/// When to repeat a write of which nobody knows whether it happened: its key makes that harmless.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

impl ApiError {
    /// An error that is told in the code's own sentence.
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code,
            sentence: Cow::Borrowed(sentence(code)),
            details: Vec::new(),
            retry_after: None,
            trouble: None,
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn with_sentence(self, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            sentence: sentence.into(),
            ..self
        }
    }

    /// The fields that failed, all of them in the sentence too.
    pub(crate) fn validation(details: Vec<FieldError>) -> Self {
        let fields: Vec<_> = details
            .iter()
            .map(|FieldError { field, message }| format!("{field} {message}"))
            .collect();
        let sentence = format!("Please check the request: {}.", fields.join("; "));
        Self {
            details,
            ..Self::new(Code::ValidationFailed).with_sentence(sentence)
        }
    }

    /// With what is to be logged about it.
    pub(crate) fn with_trouble(self, trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..self
        }
    }

    /// A write may have happened or not.
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
            ErrorKind::Forbidden { message: Some(host) } => Self::new(Code::Forbidden).with_sentence(host),
            ErrorKind::Blocked => Self::new(Code::ConversationBlocked),
            ErrorKind::Closed => Self::new(Code::ConversationClosed),
            ErrorKind::IdempotencyConflict => Self::new(Code::IdempotencyConflict),
            ErrorKind::ReportFull => Self::new(Code::ReportFull),
            ErrorKind::RateLimited { retry_after } => Self::new(Code::RateLimited).retry_after(retry_after),
            ErrorKind::Unavailable { retry_after } => Self::new(Code::Unavailable)
                .retry_after(retry_after)
                .with_trouble(Trouble::Unavailable(Arc::new(error))),
            ErrorKind::OutcomeUnknown => {
                Self::outcome_unknown().with_trouble(Trouble::Unavailable(Arc::new(error)))
            }
            _ => Self::new(Code::Internal).with_trouble(Trouble::Defect(Arc::new(error))),
        }
    }
}

/// The body of an answer that is an error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    #[schema(schema_with = schema::always_false)]
    success: bool,
    /// A sentence for a person.
    error: &'a str,
    /// Stable, for a program.
    code: Code,
    /// The fields that failed; only where some did.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>)]
    details: &'a [FieldError],
}

impl ErrorBody<'static> {
    /// What is answered with that code, unless there is something better to say.
    pub(crate) const fn plain(code: Code) -> Self {
        Self {
            success: false,
            error: sentence(code),
            code,
            details: &[],
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            success: false,
            error: &self.sentence,
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
        if let Some(trouble) = self.trouble {
            response.extensions_mut().insert(trouble);
        }
        response
    }
}

/// What people are told unless there is something better to say.
const fn sentence(code: Code) -> &'static str {
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
            "We do not know whether this was done. Please repeat it, with the same key if it had one."
        }
        Code::Internal => "Something went wrong on our side.",
    }
}
