//! A store whose host can read the statistics of its connection.

use messaging_sqlx::{PgOptions, PgStore, postgres::ClockCheck};
use messaging_test_postgres::{Database, PgServer};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// A migrated store on the only connection of a host's pool, in a database of its own.
pub(crate) struct SingleConnection {
    pub(crate) store: PgStore,
    pub(crate) pool: PgPool,
    pub(crate) database: Database,
}

impl SingleConnection {
    pub(crate) async fn new() -> Self {
        let database = Database::create(PgServer::shared()).await;
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect(database.url()).await.unwrap();
        let options = PgOptions::default().with_clock_check(ClockCheck::Off);
        let store = PgStore::on_pool(pool.clone(), &options);
        store.migrate().await.unwrap();
        Self {
            store,
            pool,
            database,
        }
    }
}
