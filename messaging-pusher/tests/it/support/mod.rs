//! Shared fixtures.

pub(crate) mod client;
pub(crate) mod embedded;
pub(crate) mod fault_server;
pub(crate) mod hosted;
