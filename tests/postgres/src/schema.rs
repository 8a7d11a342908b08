use std::{
    sync::{
        LazyLock,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    Database, PgServer,
    blocking::{block_on, runtime},
    database::drop_left_over,
    fresh_name::fresh_name,
};

/// The name of a schema of a test's own, in a database that all schemas of this process share. Cheaper than a
/// [`Database`], by far.
///
/// It is for the code under test to create it. What is in it when this is dropped is dropped too, soon after:
/// by one thread, for which nobody waits. What that does not come to goes with a private server; on that of
/// `DATABASE_URL` it stays, with its database, until a run of tests more than an hour later.
#[derive(Debug)]
pub struct Schema {
    name: String,
}

struct Shared {
    database: Database,
    dropped: Sender<String>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::create);

impl Schema {
    /// One that nobody else uses. The first starts the [shared server](PgServer::shared), and waits for it.
    ///
    /// # Panics
    /// As [`PgServer::shared`], or when the server refuses.
    pub fn fresh() -> Self {
        LazyLock::force(&SHARED);
        Self {
            name: Self::fresh_name(),
        }
    }

    /// Only a name, `[a-z_][a-z0-9_]{0,62}`, of a schema that is nowhere yet.
    pub fn fresh_name() -> String {
        fresh_name("test")
    }

    /// Where its database is.
    pub fn url(&self) -> &'static str {
        SHARED.database.url()
    }

    /// Its name, which needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        SHARED.dropped.send(self.name.clone()).ok();
    }
}

impl Shared {
    fn create() -> Self {
        let server = PgServer::shared();
        if !server.is_private() {
            block_on(drop_left_over(&server.admin_url())).expect("DATABASE_URL is that of a running server");
        }
        let database = Database::create_blocking(server);
        let (dropped, receiver) = mpsc::channel();
        let url = database.url().to_owned();
        thread::spawn(move || drop_each(&url, &receiver));
        Self { database, dropped }
    }
}

/// Drops schemas as they come, until this process ends.
fn drop_each(url: &str, names: &Receiver<String>) {
    let runtime = runtime();
    // It is there from the beginning, so that others see that the database is in use.
    let mut connection = runtime.block_on(connect(url)).ok();
    for name in names {
        let drop = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
        let dropped = runtime.block_on(async {
            let connection = match &mut connection {
                Some(connection) => connection,
                lost => lost.insert(connect(url).await?),
            };
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(connection).await
        });
        // A schema that cannot be dropped, because the test has left a transaction open, goes with its database.
        if dropped.is_err_and(|error| error.as_database_error().is_none()) {
            connection = None;
        }
    }
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    // A test that has panicked may have left a transaction, and others wait behind it.
    sqlx::raw_sql("SET lock_timeout = '2s'; SET client_min_messages = 'warning'")
        .execute(&mut connection)
        .await?;
    Ok(connection)
}
