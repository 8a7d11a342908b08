//! What is SQLite's own: the file, its locks, its migrations, its one writer.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod damage;
mod migrating;
mod reading;
mod restart;
mod scene;
mod verifying;
mod workers;
mod writing;
