//! Mapping of driver errors to the kinds of [`StoreError`], by result codes, never by message texts.

use std::time::Duration;

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::Error;

/// How long to wait before a retry when the store was busy.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);

pub(super) const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable {
    retry_after: RETRY_AFTER,
};

/// Converts an error of a read, or of a write before its commit: nothing was changed.
pub(super) fn failed(doing: &'static str) -> impl Fn(Error) -> StoreError {
    move |error| StoreError::new(kind(&error), doing).caused_by(error)
}

/// Converts an error of a commit.
pub(super) fn commit_failed(doing: &'static str) -> impl Fn(Error) -> StoreError {
    move |error| {
        let kind = match primary_code(&error) {
            Some(BUSY | LOCKED | FULL | READONLY | CONSTRAINT) => kind(&error),
            // The commit frame may be in the log, and take effect when the file is opened again.
            _ => StoreErrorKind::OutcomeUnknown,
        };
        StoreError::new(kind, doing).caused_by(error)
    }
}

/// Whether another connection holds a conflicting lock.
pub(super) fn is_busy(error: &Error) -> bool {
    primary_code(error) == Some(BUSY)
}

/// An error for a stored value that this library does not write.
pub(super) fn corrupt(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Decode(cause.into())
}

// Result codes, https://www.sqlite.org/rescode.html
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const FORMAT: i32 = 24;
const NOTADB: i32 = 26;
const BUSY_SNAPSHOT: i32 = BUSY + (2 << 8);
const IOERR_DATA: i32 = IOERR + (32 << 8);
const IOERR_CORRUPTFS: i32 = IOERR + (33 << 8);

fn kind(error: &Error) -> StoreErrorKind {
    match error {
        Error::Database(_) => code(error).map_or(StoreErrorKind::Internal, kind_of_code),
        Error::Decode(_) | Error::ColumnDecode { .. } => StoreErrorKind::Corrupt,
        Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => UNAVAILABLE,
        _ => StoreErrorKind::Internal,
    }
}

fn kind_of_code(code: i32) -> StoreErrorKind {
    match (code, code & 0xff) {
        (BUSY_SNAPSHOT, _) => StoreErrorKind::Retry,
        (IOERR_DATA | IOERR_CORRUPTFS, _) | (_, CORRUPT | FORMAT | NOTADB) => StoreErrorKind::Corrupt,
        (_, PERM | READONLY | FULL) => StoreErrorKind::ReadOnly,
        (_, BUSY | LOCKED | NOMEM | INTERRUPT | IOERR | CANTOPEN) => UNAVAILABLE,
        // Including constraint violations: a step has exclusive write access, so it has seen any row it
        // collides with.
        _ => StoreErrorKind::Internal,
    }
}

fn primary_code(error: &Error) -> Option<i32> {
    code(error).map(|code| code & 0xff)
}

fn code(error: &Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: i32, expected: StoreErrorKind) {
        assert_eq!(kind_of_code(code), expected, "{code}");
    }

    #[test]
    fn transient_errors_are_retryable() {
        for code in [5, 261, 773, 6, 262, 7, 9, 10, 266, 778, 1034, 14, 270] {
            check(code, UNAVAILABLE);
        }
        check(517, StoreErrorKind::Retry);
    }

    #[test]
    fn refused_writes_are_read_only() {
        for code in [3, 8, 264, 520, 776, 1032, 13] {
            check(code, StoreErrorKind::ReadOnly);
        }
    }

    #[test]
    fn an_unreadable_value_is_corrupt() {
        for code in [11, 267, 523, 779, 24, 26, 8202, 8458] {
            check(code, StoreErrorKind::Corrupt);
        }
        assert_eq!(kind(&corrupt("what")), StoreErrorKind::Corrupt);
    }

    #[test]
    fn any_other_error_is_internal() {
        for code in [1, 2, 12, 15, 17, 18, 20, 21, 25, 19, 275, 787, 1299, 1555, 2067] {
            check(code, StoreErrorKind::Internal);
        }
        assert_eq!(kind(&Error::RowNotFound), StoreErrorKind::Internal);
    }

    #[test]
    fn a_lost_connection_is_unavailable_before_the_commit_and_unknown_in_it() {
        assert_eq!(failed("x")(Error::WorkerCrashed).kind(), UNAVAILABLE);
        assert_eq!(failed("x")(Error::PoolTimedOut).kind(), UNAVAILABLE);
        let kind = commit_failed("x")(Error::WorkerCrashed).kind();
        assert_eq!(kind, StoreErrorKind::OutcomeUnknown);
    }
}
