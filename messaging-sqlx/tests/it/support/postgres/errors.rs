//! What an error of the store says, and what it does not.

use std::error::Error;

use messaging_core::store::{StoreError, StoreErrorKind};
use messaging_testkit::make::secs;

pub(crate) const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable { retry_after: secs(1) };

/// An error of that kind, which has a cause and keeps to itself what is nobody's business.
#[track_caller]
pub(crate) fn check(error: &StoreError, kind: StoreErrorKind) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.source().is_some(), "{error:?}");
    let said = error.to_string();
    for secret in ["SELECT", "messaging", "127.0.0.1", "postgres", "sesame", "test_"] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// The server's code for what caused an error, if it is the server's.
pub(crate) fn code(error: &StoreError) -> Option<String> {
    let cause = error.source()?.downcast_ref::<sqlx::Error>()?;
    let code = cause.as_database_error()?.code()?;
    Some(code.into_owned())
}
