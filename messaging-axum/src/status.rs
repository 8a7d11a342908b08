//! The status of every answer. Nothing else names one, but for what routes say of themselves in the contract.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The thing was there, or was done.
pub(crate) const OK: StatusCode = StatusCode::OK;
/// Done, and there is nothing to say.
pub(crate) const DONE: StatusCode = StatusCode::NO_CONTENT;

/// Whether a request made something, or found that it was there.
pub(crate) const fn of_creation(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { OK }
}

/// Why a request was not answered with what it asked for. Its name on the wire is stable.
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
    /// Every code.
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

    /// The code for what an extractor of axum refuses with that status.
    pub(crate) fn of_rejection(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            _ => Self::ValidationFailed,
        }
    }
}
