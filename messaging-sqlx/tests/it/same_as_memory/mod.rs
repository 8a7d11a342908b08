//! The store in memory is the reference: whatever steps are taken, every other one answers the same, and goes on
//! doing so after it has been closed and opened again.

mod pair;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod steps;
