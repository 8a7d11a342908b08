use std::{fmt, time::Duration};

use crate::transport::Cause;

/// Why a store could not take a step.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: &'static str,
    #[source]
    source: Option<Cause>,
}

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend cannot be reached, or has no capacity left. Nothing was changed; try again later.
    Unavailable {
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// A write was under way when the connection was lost or the time was over: it may have happened.
    /// Repeat it with the same key.
    OutcomeUnknown,
    /// The step lost against another one. Nothing was changed; repeat it at once.
    Retry,
    /// The backend takes no writes (a replica, a full disk), or these workers are not admitted to it.
    ReadOnly,
    /// What is stored cannot be read: it was not written by this library, or is damaged.
    Corrupt,
    /// A defect: of the store, or of its schema.
    Internal,
    /// The store cannot do this: it lacks a capability, or does not know a value that a newer core gave it. Nothing was
    /// changed.
    Unsupported,
}

impl StoreError {
    /// An error while `doing` something, said as a phrase: *appending a message*.
    pub fn new(kind: StoreErrorKind, doing: &'static str) -> Self {
        Self {
            kind,
            doing,
            source: None,
        }
    }

    /// The same error with its cause.
    pub fn caused_by(mut self, source: impl Into<Cause>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can do about it.
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
