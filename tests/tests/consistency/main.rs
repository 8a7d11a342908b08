//! Acknowledged data are stored once and stay stored: after crashes, and with several processes on one
//! database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kill_9;
mod many_processes;
mod restart;
mod shared_database;
