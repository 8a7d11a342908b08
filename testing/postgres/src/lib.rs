//! PostgreSQL for tests: a real server, databases and schemas for single tests, `PgBouncer`, and a wire
//! between client and server that counts requests and fails on demand.
//!
//! It needs no setup and leaves nothing behind: a server ends with the process that started it, however that
//! process ends. A missing program causes a panic that says what to install.

mod account;
mod blocking;
mod bouncer;
mod database;
mod environment;
mod free_port;
mod fresh_name;
mod programs;
mod schema;
mod server;
mod supervisor;
mod url;
mod wire;

pub use bouncer::PgBouncer;
pub use database::Database;
pub use free_port::free_port;
pub use schema::Schema;
pub use server::{How, PgServer};
pub use wire::{Armed, Counts, Fault, Statement, Wire};
