//! A process that uses the shared server until it is told how to end, for tests of the cleanup.

use std::{
    io::{self, BufRead as _, Write as _},
    process,
};

use messaging_test_postgres::{PgServer, Schema};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be created");
    runtime.block_on(use_it()).expect("the server runs SQL");
    let told = io::stdin().lock().lines().next();
    match told.expect("stdin names the way to end").as_deref() {
        Ok("exit") => process::exit(0),
        other => panic!("unknown way to end: {other:?}"),
    }
}

/// Prints the server's address, and reports when a dropped schema is gone.
async fn use_it() -> Result<(), sqlx::Error> {
    let server = PgServer::shared();
    let schema = Schema::fresh();
    let mut connection = PgConnection::connect(schema.url()).await?;
    let directory: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut connection)
        .await?;
    say("port", server.port());
    say("directory", directory);
    let create = format!("CREATE SCHEMA {}", schema.name());
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut connection)
        .await?;
    let name = schema.name().to_owned();
    drop(schema);
    while sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
        .bind(&name)
        .fetch_one(&mut connection)
        .await?
    {
        tokio::task::yield_now().await;
    }
    say("schema", "dropped");
    Ok(())
}

fn say(what: &str, value: impl std::fmt::Display) {
    writeln!(io::stdout(), "{what} {value}").expect("stdout is open");
}
