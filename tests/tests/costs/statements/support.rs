use std::fmt::Debug;

use messaging_core::{Messaging, Workers, host::rate_limit::Unlimited};
use messaging_sqlx::{PgOptions, PgStore, postgres::Pooler};
use messaging_test_postgres::{Counts, Database, PgServer, Wire};
use messaging_testkit::fake::{FakeDirectory, RecordingRealtime};

/// A process whose only database connection goes through a counting wire, and another process with a direct
/// one.
pub(crate) struct Host {
    pub(crate) store: PgStore,
    pub(crate) messaging: Messaging,
    pub(crate) workers: Workers,
    pub(crate) other: Messaging,
    pub(crate) url: String,
    wire: Wire,
    // Dropped last, after its connections.
    _database: Database,
}

impl Host {
    pub(crate) async fn new(pooler: Pooler) -> Self {
        let database = Database::create(PgServer::shared()).await;
        let wire = Wire::to_server(PgServer::shared());
        let options = PgOptions::default().with_max_connections(1);
        let direct = PgStore::from_url(database.url(), &options).unwrap();
        direct.migrate().await.unwrap();
        let url = wire.url(database.name());
        let store = PgStore::from_url(&url, &options.with_pooler(pooler)).unwrap();
        let (messaging, workers) = messaging(&store);
        Self {
            store,
            messaging,
            workers,
            other: messaging_of_another(&direct),
            url,
            wire,
            _database: database,
        }
    }

    /// Returns the result of a step, and its cost.
    pub(crate) async fn count<T, E: Debug>(&self, step: impl Future<Output = Result<T, E>>) -> (T, Counts) {
        let before = self.wire.counts();
        let answer = step.await.unwrap();
        (answer, self.wire.counts().since(before))
    }

    /// Returns the error of a refused step, and its cost.
    pub(crate) async fn count_refused<T: Debug, E>(
        &self,
        step: impl Future<Output = Result<T, E>>,
    ) -> (E, Counts) {
        let before = self.wire.counts();
        let refused = step.await.unwrap_err();
        (refused, self.wire.counts().since(before))
    }
}

fn messaging(store: &PgStore) -> (Messaging, Workers) {
    let builder = Messaging::builder(store.clone(), FakeDirectory::new()).rate_limiter(Unlimited);
    builder.realtime(RecordingRealtime::new()).build().unwrap()
}

fn messaging_of_another(store: &PgStore) -> Messaging {
    messaging(store).0
}
