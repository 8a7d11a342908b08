use std::time::Duration;

use super::Cause;

/// A failed call to a transport. Its `source()` is the adapter's own error.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    kind: TransportErrorKind,
    #[source]
    source: Cause,
}

/// The scope of a failed call, and whether a repetition can help.
///
/// | kind | concerns | accepted | the core |
/// |---|---|---|---|
/// | [`Refused`](Self::Refused) | this item or recipient | no | gives the item up |
/// | [`Deferred`](Self::Deferred) | this recipient | no | repeats it later; other recipients go on |
/// | [`Busy`](Self::Busy) | the transport | no | pauses, then repeats |
/// | [`Unavailable`](Self::Unavailable) | the transport | no | repeats with back-off |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | the transport | perhaps | repeats with back-off, under the same id |
/// | [`Misconfigured`](Self::Misconfigured) | the sender or its credentials | no | pauses, then repeats |
///
/// Each port names the kinds that it uses, and says how the core treats the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// This item or its recipient is refused, and so is every repetition: an invalid event (400, 413), a mailbox that
    /// does not exist.
    #[error("refused by the transport")]
    Refused,
    /// This recipient is not served for now: a full mailbox, greylisting. Other recipients are not affected.
    #[error("deferred by the transport")]
    Deferred {
        /// The pause that the transport asks for; `None` if it names none.
        retry_after: Option<Duration>,
    },
    /// The transport asks for a pause, regardless of item and recipient (429). It did not accept the item.
    #[error("the transport is busy")]
    Busy {
        /// The pause that the transport asks for; `None` if it names none.
        retry_after: Option<Duration>,
    },
    /// The transport cannot be reached, or does not work for now. It did not accept the item.
    #[error("the transport is unavailable")]
    Unavailable,
    /// The answer is missing or cannot be read (time-out, lost connection, 5xx). The transport may have accepted the item.
    #[error("no answer from the transport, which may have accepted it")]
    OutcomeUnknown,
    /// The transport does not accept the sender: wrong credentials, a sender address that it refuses, an exhausted quota
    /// (401, 403). Repetitions fail until the configuration is corrected.
    #[error("the transport does not accept the sender or its credentials")]
    Misconfigured,
}

impl TransportError {
    /// Creates an error with its cause.
    pub fn new(kind: TransportErrorKind, source: impl Into<Cause>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// The kind of the failure.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn the_cause_is_the_source_and_not_part_of_the_message() {
        let error = TransportError::new(TransportErrorKind::Unavailable, "no route to host");
        assert_eq!(error.to_string(), "the transport is unavailable");
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("no route to host"));
    }
}
