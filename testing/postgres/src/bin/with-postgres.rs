//! Runs a command, and gives all its processes one PostgreSQL server: `with-postgres COMMAND [ARGUMENT]...`
//!
//! A test runner that starts a process for each test would otherwise start a server for each. The server is the one of
//! `DATABASE_URL`, or a private one. It and its database are gone when the command has ended.

use std::{
    env,
    process::{Command, ExitCode},
};

use messaging_test_postgres::{Database, PgServer};

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let command = words.next().expect("usage: with-postgres COMMAND [ARGUMENT]...");
    let server = PgServer::shared();
    let database = Database::create_blocking(server);
    let status = Command::new(&command)
        .args(words)
        .env("DATABASE_URL", server.admin_url())
        .env(Database::SHARED, database.name())
        .status();
    let status = status.unwrap_or_else(|error| panic!("{} cannot be run: {error}", command.display()));
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(u8::MAX))
}
