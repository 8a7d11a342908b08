//! The doors to the outside: each a trait that an adapter or the host implements, and each trait's doc a
//! contract that an implementation keeps.

pub mod access;
pub mod channels;
pub mod directory;
pub mod mailer;
pub mod presence;
pub mod push;
pub mod rate_limit;
pub mod realtime;
pub mod store;

use std::fmt;

use crate::id::InvalidId;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a port of the host answers when it cannot answer.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct PortError {
    kind: PortErrorKind,
    #[source]
    source: Cause,
}

/// Whether asking again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// The same question may be answered later.
    Temporary,
    /// The same question will fail again: a defect, or a wrong configuration.
    Permanent,
}

impl PortError {
    /// A failure that may pass.
    pub fn temporary(source: impl Into<Cause>) -> Self {
        Self {
            kind: PortErrorKind::Temporary,
            source: source.into(),
        }
    }

    /// A failure that will stay.
    pub fn permanent(source: impl Into<Cause>) -> Self {
        Self {
            kind: PortErrorKind::Permanent,
            source: source.into(),
        }
    }

    /// Whether asking again can help.
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }
}

/// The host knows something by an id that messaging cannot take: that will not change by asking again.
impl From<InvalidId> for PortError {
    fn from(invalid: InvalidId) -> Self {
        Self::permanent(invalid)
    }
}

impl fmt::Display for PortErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temporary => "no answer for now",
            Self::Permanent => "no answer",
        })
    }
}
