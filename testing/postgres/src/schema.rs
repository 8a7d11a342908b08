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

/// The name of a schema for one test, in a database that all schemas of this process share. Far cheaper than
/// a [`Database`].
///
/// The code under test creates the schema. A background thread drops it after this value is dropped; no test
/// waits for that. Schemas that are not dropped in time go with a private server. On the server of
/// `DATABASE_URL` they stay, with their database, until a test run more than an hour later. In a database
/// that several processes share ([`Database::SHARED`]), dropping this value waits until the schema is gone.
#[derive(Debug)]
pub struct Schema {
    name: String,
}

struct Shared {
    url: String,
    /// Lives as long as the process; `None` for a database that other processes use too.
    _database: Option<Database>,
    outlives_the_process: bool,
    dropped: Sender<Dropped>,
}

/// A schema that its test no longer needs.
struct Dropped {
    name: String,
    /// Notified when the schema is gone.
    gone: Option<SyncSender<()>>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::create);

impl Schema {
    /// Returns a unique name. The first call starts the [shared server](PgServer::shared) and waits for it.
    ///
    /// # Panics
    /// Like [`PgServer::shared`], or if the server refuses.
    pub fn fresh() -> Self {
        LazyLock::force(&SHARED);
        Self {
            name: Self::fresh_name(),
        }
    }

    /// Returns only a unique name, `[a-z_][a-z0-9_]{0,62}`, of a schema in no database.
    pub fn fresh_name() -> String {
        fresh_name("test")
    }

    /// Returns the URL of its database.
    pub fn url(&self) -> &'static str {
        &SHARED.url
    }

    /// Returns its name, which needs no quotes.
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
        // The process may end with this test, and no other process would drop the schema.
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
            let database = database.to_str().expect("the database's name is in UTF-8");
            return Self::of(server.url(database), None);
        }
        if !server.is_private() {
            block_on(drop_left_over(&server.admin_url())).expect("DATABASE_URL names a running server");
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

/// Drops schemas as they arrive, until this process ends.
fn drop_each(url: &str, schemas: &Receiver<Dropped>) {
    let runtime = runtime();
    // This connection exists from the beginning, so that other runs see that the database is in use.
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
        // A schema that a transaction of the test still locks goes with its database.
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
    // A test that has panicked may have left a transaction, which must not block the others.
    sqlx::raw_sql("SET lock_timeout = '2s'; SET client_min_messages = 'warning'")
        .execute(&mut connection)
        .await?;
    Ok(connection)
}
