//! Behaviour specific to SQLite: the file, its locks, its migrations, and its single writer.

mod corruption;
mod migrating;
mod reading;
mod restart;
mod verifying;
mod workers;
mod writing;
