use std::{fmt, time::Duration};

use crate::transport::Cause;

/// The error of a step of a store.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: &'static str,
    #[source]
    source: Option<Cause>,
}

/// The kind of the error: what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend cannot be reached, or has no capacity left. Nothing was changed; try again later.
    Unavailable {
        /// The pause before a retry is useful.
        retry_after: Duration,
    },
    /// The connection was lost, or the time limit expired, during a write: it may have taken effect. Repeat it with the
    /// same key.
    OutcomeUnknown,
    /// The step lost against a concurrent one. Nothing was changed; repeat it at once.
    Retry,
    /// The backend takes no writes (a replica, a full disk), or does not admit these workers.
    ReadOnly,
    /// A stored value cannot be read: this library did not write it, or it is corrupt.
    Corrupt,
    /// A defect of the store or of its schema.
    Internal,
    /// The store does not support the step: it lacks a capability, or does not know a value of a newer core. Nothing
    /// was changed.
    Unsupported,
}

impl StoreError {
    /// Creates an error of the step `doing`, a phrase such as *appending a message*.
    pub fn new(kind: StoreErrorKind, doing: &'static str) -> Self {
        Self {
            kind,
            doing,
            source: None,
        }
    }

    /// Sets the cause.
    pub fn caused_by(mut self, source: impl Into<Cause>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable { .. } => "the store is unavailable",
            Self::OutcomeUnknown => "the outcome is unknown",
            Self::Retry => "lost against a concurrent step",
            Self::ReadOnly => "the store takes no writes",
            Self::Corrupt => "the stored data is corrupt",
            Self::Internal => "the store has a defect",
            Self::Unsupported => "the store does not support this",
        })
    }
}
