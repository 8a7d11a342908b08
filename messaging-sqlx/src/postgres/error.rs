//! Mapping of driver and server errors to the kinds of [`StoreError`], by SQLSTATE codes and constraint names,
//! never by message texts.

use std::{sync::Arc, time::Duration};

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::Error;

/// How long to wait before a retry when the database was unreachable or out of capacity.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable {
    retry_after: RETRY_AFTER,
};

/// The failure of a call, with the phase in which it occurred: only what was sent can have taken effect.
#[derive(Debug)]
pub(super) enum Failure {
    /// Before anything that takes effect was sent.
    Before(Error),
    /// After sending: the statement may have taken effect.
    Within(Error),
    /// After sending, without an answer in time.
    TimedOut,
    /// After the statement took effect: its answer cannot be read.
    Unread(Error),
}

/// Whether a statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It reads: whatever its outcome, nothing was changed.
    Reads,
    /// It writes, or changes nothing if it fails.
    Writes,
}

#[derive(Debug, thiserror::Error)]
#[error("the database did not answer in time")]
struct NoAnswer;

impl Failure {
    /// Converts the failure into a store error.
    pub(super) fn of(self, doing: &'static str, effect: Effect) -> StoreError {
        let error = StoreError::new(self.kind(effect), doing);
        match self {
            Self::Before(cause) | Self::Within(cause) | Self::Unread(cause) => error.caused_by(cause),
            Self::TimedOut => error.caused_by(NoAnswer),
        }
    }

    /// Returns a function that converts the failure for each of several steps of one statement.
    pub(super) fn into_error_for_each(self, doing: &'static str, effect: Effect) -> impl Fn() -> StoreError {
        let kind = self.kind(effect);
        let cause = match self {
            Self::Before(cause) | Self::Within(cause) | Self::Unread(cause) => Some(Arc::new(cause)),
            Self::TimedOut => None,
        };
        move || {
            let error = StoreError::new(kind, doing);
            match &cause {
                Some(cause) => error.caused_by(Arc::clone(cause)),
                None => error.caused_by(NoAnswer),
            }
        }
    }

    /// Whether a combined write was undone for a reason that may lie with a single step of it.
    pub(super) fn may_be_caused_by_one(&self) -> bool {
        use StoreErrorKind::{Corrupt, Internal, Retry};
        matches!(self.kind(Effect::Writes), Retry | Internal | Corrupt)
    }

    /// Whether the database takes no writes at all.
    pub(super) fn is_read_only_database(&self) -> bool {
        self.kind(Effect::Writes) == StoreErrorKind::ReadOnly
    }

    fn kind(&self, effect: Effect) -> StoreErrorKind {
        let unclear = match effect {
            Effect::Reads => UNAVAILABLE,
            Effect::Writes => StoreErrorKind::OutcomeUnknown,
        };
        match self {
            Self::Before(error) => kind(error, UNAVAILABLE),
            Self::Within(error) => kind(error, unclear),
            Self::Unread(_) => StoreErrorKind::OutcomeUnknown,
            Self::TimedOut => unclear,
        }
    }

    /// Whether the statement exceeded the lock timeout: nothing was changed.
    pub(super) fn is_lock_timeout(&self) -> bool {
        let (Self::Before(error) | Self::Within(error)) = self else {
            return false;
        };
        state_of(error).as_deref() == Some(LOCK_NOT_AVAILABLE)
    }

    /// Whether the named unique constraint was violated: nothing was changed.
    pub(super) fn violates(&self, constraint: &str) -> bool {
        let (Self::Before(error) | Self::Within(error)) = self else {
            return false;
        };
        let database = error.as_database_error();
        database.is_some_and(|it| it.is_unique_violation() && it.constraint() == Some(constraint))
    }
}

/// An error for a stored value that this library does not write.
pub(super) fn corrupt(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Decode(cause.into())
}

/// Converts an error that changed nothing: of reading an answer, or of a statement in an uncommitted
/// transaction.
pub(super) fn failed(doing: &'static str) -> impl Fn(Error) -> StoreError {
    move |error| StoreError::new(kind(&error, UNAVAILABLE), doing).caused_by(error)
}

/// Converts an error of reading the answer of a step that took effect: a repetition returns its result.
pub(super) fn unread(doing: &'static str) -> impl Fn(Error) -> StoreError {
    move |error| StoreError::new(StoreErrorKind::OutcomeUnknown, doing).caused_by(error)
}

/// Whether the connection is unusable.
pub(super) fn is_broken(error: &Error) -> bool {
    match error {
        Error::Database(_) => state_of(error)
            .is_none_or(|state| is_lost(&state) || [NOT_SUPPORTED, READ_ONLY].contains(&&*state)),
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) => true,
        _ => false,
    }
}

/// Whether the server or pooler refuses the settings in the start-up message: PgBouncer reports a protocol
/// violation, other poolers an unsupported feature.
pub(super) fn refuses_settings(error: &Error) -> bool {
    state_of(error).is_some_and(|state| [PROTOCOL_VIOLATION, NOT_SUPPORTED].contains(&&*state))
}

/// Whether a connection attempt came too early: the server is starting, or is about to end a session.
pub(super) fn is_full_or_starting(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => {
            state_of(error).is_some_and(|state| [TOO_MANY_CONNECTIONS, CANNOT_CONNECT_NOW].contains(&&*state))
        }
    }
}

/// The kind of an error; `unclear` when the statement may have taken effect.
fn kind(error: &Error, unclear: StoreErrorKind) -> StoreErrorKind {
    match error {
        Error::Database(_) => {
            state_of(error).map_or(StoreErrorKind::Internal, |state| of_state(&state, unclear))
        }
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) => unclear,
        Error::PoolTimedOut | Error::PoolClosed | Error::BeginFailed | Error::WorkerCrashed => UNAVAILABLE,
        Error::Decode(_) | Error::ColumnDecode { .. } => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Internal,
    }
}

/// A feature that the server does not support. Also reported for a statement prepared before a migration
/// changed its result type: another connection prepares it anew.
const NOT_SUPPORTED: &str = "0A000";
/// A server that takes no writes, possibly since a failover: a new connection may reach another server.
const READ_ONLY: &str = "25006";

const PROTOCOL_VIOLATION: &str = "08P01";
const TOO_MANY_CONNECTIONS: &str = "53300";
const CANNOT_CONNECT_NOW: &str = "57P03";

/// The lock timeout was exceeded.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE codes, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_state(state: &str, unclear: StoreErrorKind) -> StoreErrorKind {
    match state {
        _ if is_lost(state) => unclear,
        // Deadlock, serialization failure.
        "40001" | "40P01" => StoreErrorKind::Retry,
        // Statement timeout, lock timeout: the statement was undone.
        "57014" | LOCK_NOT_AVAILABLE => UNAVAILABLE,
        // A replica or a read-only database; a full disk.
        READ_ONLY | "53100" => StoreErrorKind::ReadOnly,
        "XX001" | "XX002" => StoreErrorKind::Corrupt,
        // Out of memory, connections, or another resource; an operating system error.
        _ if state.starts_with("53") || state.starts_with("58") => UNAVAILABLE,
        _ => StoreErrorKind::Internal,
    }
}

/// Whether the server or a pooler ended the connection: a commit may have happened before.
fn is_lost(state: &str) -> bool {
    // PgBouncer reports class 08 when it lost its server connection.
    let ended = ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"];
    state.starts_with("08") || ended.contains(&state)
}

fn state_of(error: &Error) -> Option<String> {
    let state = error.as_database_error()?.code()?;
    Some(state.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: &str, expected: StoreErrorKind) {
        assert_eq!(
            of_state(state, StoreErrorKind::OutcomeUnknown),
            expected,
            "{state}"
        );
    }

    #[test]
    fn a_serialization_failure_or_deadlock_is_retryable() {
        for state in ["40001", "40P01"] {
            check(state, StoreErrorKind::Retry);
        }
    }

    #[test]
    fn a_cancelled_statement_changed_nothing() {
        for state in ["57014", "55P03", "53200", "53300", "53400", "58000", "58030"] {
            check(state, UNAVAILABLE);
        }
    }

    #[test]
    fn refused_writes_are_read_only() {
        for state in ["25006", "53100"] {
            check(state, StoreErrorKind::ReadOnly);
        }
    }

    #[test]
    fn a_terminated_connection_leaves_a_write_unknown_and_a_read_retryable() {
        for state in [
            "57P01", "57P02", "57P03", "57P05", "25P03", "08006", "08P01", "08003",
        ] {
            check(state, StoreErrorKind::OutcomeUnknown);
            assert_eq!(of_state(state, UNAVAILABLE), UNAVAILABLE, "{state}");
        }
    }

    #[test]
    fn an_unreadable_value_is_corrupt() {
        for state in ["XX001", "XX002"] {
            check(state, StoreErrorKind::Corrupt);
        }
        let kind = failed("x")(corrupt("what")).kind();
        assert_eq!(kind, StoreErrorKind::Corrupt);
    }

    #[test]
    fn any_other_error_is_internal() {
        for state in [
            "0A000", "42P01", "42501", "23514", "23505", "26000", "22021", "XX000", "28P01",
        ] {
            check(state, StoreErrorKind::Internal);
        }
    }

    #[test]
    fn the_stage_of_a_call_determines_whether_it_may_have_taken_effect() {
        let lost = || Error::Io(std::io::ErrorKind::ConnectionReset.into());
        let kind = |failure: Failure, effect| failure.of("x", effect).kind();
        assert_eq!(kind(Failure::Before(lost()), Effect::Writes), UNAVAILABLE);
        assert_eq!(
            kind(Failure::Before(Error::PoolTimedOut), Effect::Writes),
            UNAVAILABLE
        );
        assert_eq!(
            kind(Failure::Within(lost()), Effect::Writes),
            StoreErrorKind::OutcomeUnknown
        );
        assert_eq!(
            kind(Failure::TimedOut, Effect::Writes),
            StoreErrorKind::OutcomeUnknown
        );
        for failure in [
            Failure::Before(lost()),
            Failure::Within(lost()),
            Failure::TimedOut,
        ] {
            assert_eq!(kind(failure, Effect::Reads), UNAVAILABLE);
        }
    }
}
