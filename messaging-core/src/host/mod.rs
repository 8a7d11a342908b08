//! The host: the application that embeds messaging, as messaging asks it.

pub mod access;
mod ask;
pub mod directory;
pub mod presence;
pub mod rate_limit;

use std::fmt;

pub(crate) use ask::Host;

use crate::id::InvalidId;

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The error of a host that cannot answer a question.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct HostError {
    kind: HostErrorKind,
    #[source]
    source: Cause,
}

/// Whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostErrorKind {
    /// The same question may be answered later.
    Temporary,
    /// The same question will fail again: a defect, or a wrong configuration.
    Permanent,
}

impl HostError {
    /// A failure that may pass.
    pub fn temporary(source: impl Into<Cause>) -> Self {
        Self {
            kind: HostErrorKind::Temporary,
            source: source.into(),
        }
    }

    /// A failure that does not pass.
    pub fn permanent(source: impl Into<Cause>) -> Self {
        Self {
            kind: HostErrorKind::Permanent,
            source: source.into(),
        }
    }

    /// Whether a retry can help.
    pub fn kind(&self) -> HostErrorKind {
        self.kind
    }
}

/// The host has an id that messaging does not accept; a retry does not help.
impl From<InvalidId> for HostError {
    fn from(invalid: InvalidId) -> Self {
        Self::permanent(invalid)
    }
}

impl fmt::Display for HostErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temporary => "no answer for now",
            Self::Permanent => "no answer",
        })
    }
}
