//! The store in memory is the reference: whatever steps are taken, every other one answers the same, and goes on
//! doing so after it has been closed and opened again.

#![cfg(any(feature = "postgres", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "sqlite")]
#[path = "../dir/mod.rs"]
mod dir;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod steps;
mod world;
