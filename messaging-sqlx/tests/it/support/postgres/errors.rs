//! Checks of a store's errors.

use std::error::Error;

use messaging_core::store::{StoreError, StoreErrorKind};
use messaging_testkit::make::secs;

pub(crate) const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable { retry_after: secs(1) };

/// Checks that an error has that kind and a cause, and that its text contains no private data.
#[track_caller]
pub(crate) fn check(error: &StoreError, kind: StoreErrorKind) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.source().is_some(), "{error:?}");
    let said = error.to_string();
    for secret in ["SELECT", "messaging", "127.0.0.1", "postgres", "sesame", "test_"] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// Returns the server's code of an error, if the server caused it.
pub(crate) fn code(error: &StoreError) -> Option<String> {
    let cause = error.source()?.downcast_ref::<sqlx::Error>()?;
    let code = cause.as_database_error()?.code()?;
    Some(code.into_owned())
}
