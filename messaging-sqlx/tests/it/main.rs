//! The stores: the contract of every store, and the behaviour specific to each.

#![cfg(any(feature = "postgres", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
#[cfg(feature = "postgres")]
mod postgres;
mod same_as_memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod support;
