//! The status codes of all responses. No other module names one, except in the descriptions of routes.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The resource exists, or the operation succeeded.
pub(crate) const OK: StatusCode = StatusCode::OK;
/// The operation succeeded and has no response body.
pub(crate) const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;

/// The status for a created or an existing resource.
pub(crate) const fn created_or_ok(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { OK }
}

/// The reason for an error response. Its name on the wire is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ErrorCode)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    ValidationFailed,
    InvalidCursor,
    UnknownAgent,
    UnknownBooking,
    Unauthenticated,
    Forbidden,
    ConversationBlocked,
    ConversationClosed,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    IdempotencyConflict,
    ReportFull,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unavailable,
    OutcomeUnknown,
    Internal,
}

impl Code {
    /// All codes.
    pub(crate) const ALL: [Self; 19] = [
        Self::ValidationFailed,
        Self::InvalidCursor,
        Self::UnknownAgent,
        Self::UnknownBooking,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::ConversationBlocked,
        Self::ConversationClosed,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::IdempotencyConflict,
        Self::ReportFull,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::ValidationFailed | Self::InvalidCursor | Self::UnknownAgent | Self::UnknownBooking => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ConversationBlocked | Self::ConversationClosed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::IdempotencyConflict | Self::ReportFull => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code for a rejection of an axum extractor with this status.
    pub(crate) fn of_rejection(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            _ => Self::ValidationFailed,
        }
    }
}
