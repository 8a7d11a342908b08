//! A process that uses the shared server until it is told how to end: for the tests of what is left then.

use std::{
    io::{self, BufRead as _, Write as _},
    process,
};

use messaging_test_postgres::{PgServer, Schema};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system has what a runtime needs");
    runtime
        .block_on(use_it())
        .expect("the server does what it is told");
    let told = io::stdin().lock().lines().next();
    match told.expect("it is told how to end").as_deref() {
        Ok("exit") => process::exit(0),
        other => panic!("it is told: {other:?}"),
    }
}

/// Says where the server is, and when a schema that it has dropped is gone.
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
    writeln!(io::stdout(), "{what} {value}").expect("somebody reads");
}
