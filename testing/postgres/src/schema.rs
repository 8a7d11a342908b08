use std::{
    sync::{
        LazyLock,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    Database, PgServer,
    blocking::{block_on, runtime},
    database::drop_left_over,
    environment::variable,
    fresh_name::fresh_name,
};

/// The name of a schema of a test's own, in a database that all schemas of this process share. Cheaper than a
/// [`Database`], by far.
///
/// It is for the code under test to create it. What is in it when this is dropped is dropped too, soon after:
/// by one thread, for which no test waits. What that does not come to goes with a private server; on that of
/// `DATABASE_URL` it stays, with its database, until a run of tests more than an hour later. In a database that several
/// processes share ([`Database::SHARED`]) dropping waits until the schema is gone.
#[derive(Debug)]
pub struct Schema {
    name: String,
}

struct Shared {
    url: String,
    /// Kept for as long as the process lives; `None` for a database that other processes use too.
    _database: Option<Database>,
    outlives_the_process: bool,
    dropped: Sender<Dropped>,
}

/// A schema that its test needs no longer.
struct Dropped {
    name: String,
    /// Told when the schema is gone.
    gone: Option<SyncSender<()>>,
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
        &SHARED.url
    }

    /// Its name, which needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let name = self.name.clone();
        if !SHARED.outlives_the_process {
            SHARED.dropped.send(Dropped { name, gone: None }).ok();
            return;
        }
        // The process may end with this test, and nothing else would drop the schema.
        let (gone, is_gone) = mpsc::sync_channel(1);
        SHARED
            .dropped
            .send(Dropped {
                name,
                gone: Some(gone),
            })
            .ok();
        is_gone.recv().ok();
    }
}

impl Shared {
    fn create() -> Self {
        let server = PgServer::shared();
        if let Some(database) = variable(Database::SHARED) {
            let database = database.to_str().expect("the name of a database is in UTF-8");
            return Self::of(server.url(database), None);
        }
        if !server.is_private() {
            block_on(drop_left_over(&server.admin_url())).expect("DATABASE_URL is that of a running server");
        }
        let database = Database::create_blocking(server);
        Self::of(database.url().to_owned(), Some(database))
    }

    fn of(url: String, database: Option<Database>) -> Self {
        let (dropped, receiver) = mpsc::channel();
        let of_drops = url.clone();
        thread::spawn(move || drop_each(&of_drops, &receiver));
        Self {
            url,
            outlives_the_process: database.is_none(),
            _database: database,
            dropped,
        }
    }
}

/// Drops schemas as they come, until this process ends.
fn drop_each(url: &str, schemas: &Receiver<Dropped>) {
    let runtime = runtime();
    // It is there from the beginning, so that others see that the database is in use.
    let mut connection = runtime.block_on(connect(url)).ok();
    for Dropped { name, gone } in schemas {
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
        if let Some(gone) = gone {
            gone.send(()).ok();
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
