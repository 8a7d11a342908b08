//! What is SQLite's own: the file, its locks, its migrations, its one writer.

mod corruption;
mod migrating;
mod reading;
mod restart;
mod verifying;
mod workers;
mod writing;
