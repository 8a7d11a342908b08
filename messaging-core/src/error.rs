//! What a use case answers when it does not do what was asked.

use std::{fmt, time::Duration};

use crate::{
    host::HostError,
    policy::Refusal,
    store::{StoreError, StoreErrorKind},
    transport::TransportError,
};

/// Why a use case did not do what was asked. Unless its kind is [`ErrorKind::OutcomeUnknown`], nothing was
/// changed.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct Error {
    kind: ErrorKind,
    doing: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such agent.
    UnknownAgent,
    /// There is no such booking of this client with this agent.
    UnknownBooking,
    /// The cursor belongs to another list.
    InvalidCursor,
    /// It is not there, or not the actor's to know.
    NotFound,
    /// The actor may not do this; with the host's own sentence where its [policy](crate::host::access) refused.
    Forbidden {
        /// The host's sentence.
        message: Option<String>,
    },
    /// The other side has blocked the actor's messages.
    Blocked,
    /// The conversation is closed.
    Closed,
    /// The key was used before, with another text.
    IdempotencyConflict,
    /// The actor's open report of the conversation holds as many complaints as it may
    /// ([`MAX_COMPLAINTS`](crate::domain::report::MAX_COMPLAINTS)). Once staff have resolved it, the next complaint opens
    /// another.
    ReportFull,
    /// The actor has done this too often lately. Nothing was changed.
    RateLimited {
        /// After how long it may be done again.
        retry_after: Duration,
    },
    /// The store, the directory or the host's access policy does not answer. Nothing was changed; try again later.
    Unavailable {
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// A write may have happened or not: repeat it with the same key.
    OutcomeUnknown,
    /// The store lacks the capability that this needs.
    Unsupported,
    /// A defect.
    Internal,
}

/// How long to wait where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Error {
    pub(crate) fn new(kind: ErrorKind, doing: &'static str) -> Self {
        Self {
            kind,
            doing,
            source: None,
        }
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    pub(crate) fn refused(refusal: Refusal, doing: &'static str) -> Self {
        let kind = match refusal {
            Refusal::NotFound => ErrorKind::NotFound,
            Refusal::Forbidden => ErrorKind::Forbidden { message: None },
            Refusal::Blocked => ErrorKind::Blocked,
            Refusal::Closed => ErrorKind::Closed,
        };
        Self::new(kind, doing)
    }

    pub(crate) fn refused_by_host(message: String, doing: &'static str) -> Self {
        let message = Some(message);
        Self::new(ErrorKind::Forbidden { message }, doing)
    }

    /// The host cannot say what has to be known.
    pub(crate) fn host(error: HostError, doing: &'static str) -> Self {
        Self {
            kind: ErrorKind::Unavailable {
                retry_after: RETRY_AFTER,
            },
            doing,
            source: Some(error.into()),
        }
    }

    pub(crate) fn signing(error: TransportError, doing: &'static str) -> Self {
        Self {
            kind: ErrorKind::Internal,
            doing,
            source: Some(error.into()),
        }
    }

    /// A step that was decided again and again and always found the conversation changed.
    pub(crate) fn contended(doing: &'static str) -> Self {
        Self::new(
            ErrorKind::Unavailable {
                retry_after: RETRY_AFTER,
            },
            doing,
        )
    }

    /// The error of a use case for an error of the store, for a host that calls its store itself (`open_in_transaction`
    /// of `messaging-sqlx`).
    pub fn from_store(error: StoreError) -> Self {
        Self::store(error, "calling the store")
    }

    pub(crate) fn store(error: StoreError, doing: &'static str) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Unavailable { retry_after } => ErrorKind::Unavailable { retry_after },
            StoreErrorKind::Retry | StoreErrorKind::ReadOnly => ErrorKind::Unavailable {
                retry_after: RETRY_AFTER,
            },
            StoreErrorKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
            StoreErrorKind::Unsupported => ErrorKind::Unsupported,
            StoreErrorKind::Corrupt | StoreErrorKind::Internal => ErrorKind::Internal,
        };
        Self {
            kind,
            doing,
            source: Some(error.into()),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAgent => "there is no such agent",
            Self::UnknownBooking => "there is no such booking",
            Self::InvalidCursor => "the cursor belongs to another list",
            Self::NotFound => "not found",
            Self::Forbidden { message: None } => "forbidden",
            Self::Forbidden {
                message: Some(message),
            } => return write!(f, "forbidden: {message}"),
            Self::Blocked => "the conversation is blocked",
            Self::Closed => "the conversation is closed",
            Self::IdempotencyConflict => "the key was used for another text",
            Self::ReportFull => "the open report holds as many complaints as it may",
            Self::RateLimited { .. } => "too often",
            Self::Unavailable { .. } => "unavailable",
            Self::OutcomeUnknown => "the outcome is unknown",
            Self::Unsupported => "the store does not support this",
            Self::Internal => "internal error",
        })
    }
}
