//! Stores for [`messaging_core`] on SQL databases.
//!
//! The rules are the core's: a store loads what a step is about, calls the core's transition, and writes
//! what came out, in one transaction.
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `sqlite` | `SqliteStore`: one process on a local disk, with a file of its own | no |
//!
//! A store opens a database, and migrates it only when it is told to. The migrations are also there as
//! plain files, under `migrations/` of this crate, each of which enters itself in the ledger, the table
//! `migration`: applying them by hand comes to the same.

#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use schema::SchemaError;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
