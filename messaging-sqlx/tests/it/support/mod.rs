//! Shared fixtures.

#[cfg(feature = "sqlite")]
pub(crate) mod dir;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
