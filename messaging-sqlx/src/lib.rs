//! Stores for [`messaging_core`] on SQL databases.
//!
//! The rules are the core's. On SQLite a step loads the conversation, calls the core's transition, and writes
//! the result, in one transaction. On PostgreSQL a step is one statement that does the same to the rows.
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `postgres` | `PgStore`: any number of processes, on a schema of a PostgreSQL database | yes |
//! | `tls` | TLS to the database of a URL, with the system's root certificates | no |
//! | `sqlite` | `SqliteStore`: one process on a local disk, with a file of its own | no |
//!
//! A store migrates a database only on request. The migrations are also available as plain files, under
//! `migrations/` of this crate; each inserts itself into the ledger, the table `migration`, so applying them by
//! hand has the same effect.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod codes;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod schema;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::{PgMigrator, PgOptions, PgRateLimiter, PgStore, SchemaName};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use schema::SchemaError;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
/// The version of sqlx whose connections these stores accept.
pub use sqlx;
