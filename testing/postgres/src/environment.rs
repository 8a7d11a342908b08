use std::{env, ffi::OsString};

/// An environment variable of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "what runs the tests says so in the environment"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}
