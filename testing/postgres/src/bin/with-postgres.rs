//! Runs a command whose processes share one PostgreSQL server: `with-postgres COMMAND [ARGUMENT]...`
//!
//! A test runner that starts a process per test would otherwise start a server per test. The server is that
//! of `DATABASE_URL`, or a private one, which ends with the command. The database is dropped at the end.

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
