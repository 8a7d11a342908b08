//! PostgreSQL for tests: a real server, databases and schemas of a test's own, `PgBouncer`, and a wire between
//! client and server that counts and that fails on demand.
//!
//! Nothing has to be set up for it, and nothing is left of it: what is started here ends with the process that
//! started it, however that ends. What cannot be had is a panic that says what to install.

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
