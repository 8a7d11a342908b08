//! Shared fixtures.

pub(crate) mod digests;
#[cfg(feature = "smtp")]
pub(crate) mod smtp;
