//! PostgreSQL for tests: a real server, and databases and schemas of a test's own.
//!
//! Nothing has to be set up for it, and nothing is left of it: what is started here ends with the process that
//! started it, however that ends. What cannot be had is a panic that says what to install.

mod account;
mod blocking;
mod database;
mod environment;
mod free_port;
mod fresh_name;
mod programs;
mod schema;
mod server;
mod supervisor;
mod url;

pub use database::Database;
pub use schema::Schema;
pub use server::{How, PgServer};
