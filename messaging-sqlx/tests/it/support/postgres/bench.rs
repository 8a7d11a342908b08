//! A store on a schema of its own with one conversation, and control over its server.

use messaging_core::store::{ConversationStore as _, Publisher};
use messaging_sqlx::{
    PgOptions, PgStore, SchemaName,
    postgres::{ClockCheck, GroupCommit},
};
use messaging_test_postgres::{PgServer, Schema, Wire};
use messaging_testkit::{
    make::{plan, secs},
    recount,
};
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::session::Session;

/// The maximum number of checks, each a round trip: far more than any test needs.
const MAX_CHECKS: usize = 100_000;

/// The number of steps that wait for a lock.
const COUNT_WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";

/// The number of connections.
const COUNT_CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";

/// A bench whose conversation is that of client 1 and agency 1.
pub(crate) struct Bench(Schema, GroupCommit);

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(GroupCommit::On).await
    }

    /// One bench with group commit, and one without.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::new().await, Self::alone().await]
    }

    /// A bench without group commit.
    pub(crate) async fn alone() -> Self {
        Self::with(GroupCommit::Off).await
    }

    async fn with(group_commit: GroupCommit) -> Self {
        let bench = Self(Schema::fresh(), group_commit);
        let store = bench.store();
        store.migrate().await.unwrap();
        store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
        bench
    }

    /// A bench whose schema does not exist yet.
    pub(crate) fn unmigrated() -> Self {
        Self(Schema::fresh(), GroupCommit::On)
    }

    pub(crate) fn options(&self) -> PgOptions {
        options(&self.0).with_group_commit(self.1)
    }

    /// The application name of its stores' sessions.
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    /// The URL of the database, with a server setting for each connection.
    pub(crate) fn url_with(&self, setting: &str) -> String {
        let url = self.0.url();
        let begin = if url.contains('?') { '&' } else { '?' };
        let setting = setting.replace('=', "%3D");
        format!(
            "{url}{begin}application_name={}&options=-c%20{setting}",
            self.name()
        )
    }

    pub(crate) fn url(&self) -> String {
        self.url_with("lock_timeout=0")
    }

    pub(crate) fn store(&self) -> PgStore {
        self.store_with(&self.options())
    }

    pub(crate) fn store_with(&self, options: &PgOptions) -> PgStore {
        PgStore::from_url(&self.url(), options).unwrap()
    }

    /// A wire to the server, and the database's URL through it.
    pub(crate) fn wire(&self) -> (Wire, String) {
        let wire = Wire::to_server(PgServer::shared());
        let direct: PgConnectOptions = self.0.url().parse().unwrap();
        let url = wire.url(direct.get_database().unwrap());
        let begin = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{begin}application_name={}", self.name());
        (wire, url)
    }

    /// A host's pool.
    pub(crate) fn pool(&self, connections: u32) -> PgPool {
        let connect: PgConnectOptions = self.url().parse().unwrap();
        PgPoolOptions::new()
            .max_connections(connections)
            .connect_lazy_with(connect)
    }

    /// A session beside the stores'.
    pub(crate) async fn session(&self) -> Session {
        let connection = PgConnection::connect(self.0.url()).await.unwrap();
        Session {
            connection,
            schema: self.name().to_owned(),
        }
    }

    /// A session that holds the conversation's row locked until it is released.
    pub(crate) async fn lock(&self) -> Session {
        let mut session = self.session().await;
        session
            .run("BEGIN; SELECT FROM messaging.conversation FOR UPDATE")
            .await;
        session
    }

    /// Waits until exactly `steps` steps wait for a lock.
    pub(crate) async fn until_waiting(&self, steps: i64) {
        self.until(COUNT_WAITING, steps).await;
    }

    /// Waits until at least `steps` steps wait for a lock.
    pub(crate) async fn until_waiting_at_least(&self, steps: i64) {
        self.until_holds(COUNT_WAITING, |found| found >= steps).await;
    }

    /// Returns how many steps wait for a lock.
    pub(crate) async fn waiting(&self) -> i64 {
        let mut session = self.session().await;
        let count = sqlx::query_scalar(COUNT_WAITING).bind(self.name());
        count.fetch_one(&mut session.connection).await.unwrap()
    }

    /// Waits until a step has waited for a lock for more than half a second.
    pub(crate) async fn until_waiting_for_long(&self) {
        self.until(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'
            AND clock_timestamp() - query_start > interval '500 milliseconds'",
            1,
        )
        .await;
    }

    /// Waits until another session waits for a lock that a step holds.
    pub(crate) async fn until_blocked_by_a_step(&self) {
        self.until(
            "SELECT count(*) FROM pg_stat_activity step, pg_stat_activity other
            WHERE step.application_name = $1 AND step.pid = ANY (pg_blocking_pids(other.pid))",
            1,
        )
        .await;
    }

    /// Waits until no step is in progress, including cancelled ones.
    pub(crate) async fn until_idle(&self) {
        self.until(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'",
            0,
        )
        .await;
    }

    /// Terminates the connections of its stores, and waits until they are gone.
    pub(crate) async fn terminate(&self) {
        let mut session = self.session().await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1")
            .bind(self.name())
            .execute(&mut session.connection)
            .await
            .unwrap();
        self.until_gone().await;
    }

    /// Waits until none of its stores is connected.
    pub(crate) async fn until_gone(&self) {
        self.until(COUNT_CONNECTIONS, 0).await;
    }

    /// Returns how many connections its stores have.
    pub(crate) async fn connections(&self) -> i64 {
        let mut session = self.session().await;
        let count = sqlx::query_scalar(COUNT_CONNECTIONS).bind(self.name());
        count.fetch_one(&mut session.connection).await.unwrap()
    }

    async fn until(&self, count: &'static str, expected: i64) {
        self.until_holds(count, |found| found == expected).await;
    }

    async fn until_holds(&self, count: &'static str, holds: impl Fn(i64) -> bool) {
        let mut session = self.session().await;
        let mut found = 0;
        for _ in 0..MAX_CHECKS {
            found = sqlx::query_scalar(count)
                .bind(self.name())
                .fetch_one(&mut session.connection)
                .await
                .unwrap();
            if holds(found) {
                return;
            }
        }
        panic!("{found} after {MAX_CHECKS} checks: {count}");
    }

    /// Returns the number of messages, after a recount without discrepancies.
    pub(crate) async fn messages(&self) -> usize {
        self.until_idle().await;
        let recounted = recount(&self.store()).await.unwrap();
        recounted.assert_clean();
        recounted.messages()
    }
}

fn options(schema: &Schema) -> PgOptions {
    PgOptions::default()
        .with_schema(SchemaName::parse(schema.name()).unwrap())
        .with_clock_check(ClockCheck::Off)
        // As long as the statement timeout, so that a slow machine does not change the result of a test.
        .with_lock_timeout(secs(60))
}
