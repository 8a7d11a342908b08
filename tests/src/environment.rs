use std::ffi::OsString;

/// Returns an environment variable of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runner configures tests by the environment"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
