//! The host's own tables, migrator and settings in the same database: neither side affects the other.

use std::{fs, path::Path};

use futures_util::future::join_all;
use messaging_core::store::{ConversationStore as _, Publisher};
use messaging_sqlx::{PgOptions, PgStore, SchemaName, postgres::ClockCheck};
use messaging_test_postgres::{Database, PgServer};
use messaging_testkit::{make::plan, recount};
use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Row as _,
    migrate::{Migrate as _, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tempfile::TempDir;

use crate::support::postgres::{each_step, is_stored};

/// Tables of the host that have the names of ours, and names that a migrator might mistake for ours.
const HOST_TABLES: &str = "
    CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE conversations (id bigint PRIMARY KEY, title text NOT NULL);
    CREATE TABLE messages (id bigint PRIMARY KEY, body text NOT NULL);
    CREATE TABLE conversation (id bigint PRIMARY KEY, title text NOT NULL);
    CREATE TABLE message (id bigint PRIMARY KEY, body text NOT NULL);
    CREATE TABLE migration (version text PRIMARY KEY);
    CREATE TABLE lane (swimmer text PRIMARY KEY);
    INSERT INTO users VALUES ('u1', 'Una');
    INSERT INTO conversation VALUES (1, 'the host''s');
    INSERT INTO message VALUES (1, 'the host''s');
    INSERT INTO migration VALUES ('the host''s');";

/// The host's objects outside of our schema: relations, types, functions, and the rows of its tables.
const HOST_OBJECTS: &str = "
    SELECT 'relation ' || c.relname AS what FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public'
    UNION ALL SELECT 'type ' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = 'public'
    UNION ALL SELECT 'function ' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public'
    UNION ALL SELECT 'user ' || u::text FROM public.users u
    UNION ALL SELECT 'conversation ' || c::text FROM public.conversation c
    UNION ALL SELECT 'message ' || m::text FROM public.message m
    UNION ALL SELECT 'migration ' || m::text FROM public.migration m
    UNION ALL SELECT 'applied ' || version || ' ' || success FROM public._sqlx_migrations
    ORDER BY what";

/// Constructs a store from a host's pool.
type Constructor = fn(PgPool, &PgOptions) -> PgStore;

/// With connections of its own, and with the host's connections.
const CONSTRUCTORS: [Constructor; 2] = [PgStore::with_options, PgStore::on_pool];

/// A host: a database, a pool with settings of its own, and migrations on disk.
struct Host {
    pool: PgPool,
    migrations: TempDir,
    _database: Database,
}

impl Host {
    async fn new(search_path: &'static str) -> Self {
        let database = Database::create(PgServer::shared()).await;
        let connect: PgConnectOptions = database.url().parse().unwrap();
        let connect = connect.application_name("the host").options([
            ("statement_timeout", "12345"),
            ("default_transaction_isolation", "repeatable read"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let set = format!("SET search_path = {search_path}");
                    connection.execute(sqlx::AssertSqlSafe(set)).await.map(drop)
                })
            })
            .connect_lazy_with(connect);
        let migrations = tempfile::tempdir().unwrap();
        fs::write(
            migrations.path().join("1_host.sql"),
            format!("SET search_path = public; {HOST_TABLES}"),
        )
        .unwrap();
        Self {
            pool,
            migrations,
            _database: database,
        }
    }

    /// Migrates as a host does: on a connection whose search path finds the host's tables.
    async fn migrate(&self) {
        let connect = (*self.pool.connect_options()).clone();
        let mut connection = PgConnection::connect_with(&connect).await.unwrap();
        let migrator = Migrator::new(Path::new(self.migrations.path())).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
    }

    fn store(&self, made: Constructor) -> PgStore {
        made(
            self.pool.clone(),
            &PgOptions::default().with_clock_check(ClockCheck::Off),
        )
    }

    async fn objects(&self) -> Vec<String> {
        sqlx::query_scalar(HOST_OBJECTS)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Returns the settings of each connection of the pool.
    async fn settings(&self) -> Vec<[String; 4]> {
        let connections = join_all((0..2).map(|_| self.pool.acquire())).await;
        let mut settings = Vec::new();
        for connection in connections {
            let mut connection = connection.unwrap();
            let row = connection.fetch_one(
                "SELECT current_setting('search_path'), current_setting('statement_timeout'),
                current_setting('default_transaction_isolation'), current_setting('application_name')",
            );
            let row = row.await.unwrap();
            settings.push([0, 1, 2, 3].map(|n| row.get(n)));
        }
        settings
    }
}

/// Opens a conversation, sends, and recounts.
async fn check_works(store: &PgStore) {
    store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
    for n in 1..=5 {
        assert!(is_stored(store, n).await);
    }
    let recounted = recount(store).await.unwrap();
    recounted.assert_clean();
    assert_eq!(recounted.messages(), 5);
}

#[tokio::test]
async fn the_hosts_tables_and_ledger_are_unchanged_under_any_search_path() {
    for search_path in ["public", "''", "messaging, public"] {
        for made in CONSTRUCTORS {
            let host = Host::new(search_path).await;
            host.migrate().await;
            let before = host.objects().await;
            let store = host.store(made);
            store.migrate().await.unwrap();
            check_works(&store).await;
            assert_eq!(host.objects().await, before, "{search_path}");
            host.migrate().await;
            store.migrate().await.unwrap();
            assert_eq!(host.objects().await, before, "{search_path}");
        }
    }
}

#[tokio::test]
async fn the_settings_of_the_hosts_pool_are_unchanged() {
    for made in CONSTRUCTORS {
        let host = Host::new("public").await;
        let before = host.settings().await;
        let store = host.store(made);
        store.migrate().await.unwrap();
        check_works(&store).await;
        assert_eq!(host.settings().await, before);
        assert_eq!(before[0][1], "12345ms");
    }
}

/// All session state that a step could leave on a connection for its next user.
const SESSION: &str = "
    SELECT name || ' = ' || setting AS what FROM pg_settings
    UNION ALL SELECT 'listens to ' || channel FROM pg_listening_channels() channel
    UNION ALL SELECT 'holds ' || locktype FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
    UNION ALL SELECT 'opened ' || name FROM pg_cursors WHERE name <> ''
    UNION ALL SELECT 'made ' || relname FROM pg_class WHERE relpersistence = 't'
    ORDER BY what";

#[tokio::test]
async fn no_step_leaves_anything_on_the_hosts_connection() {
    let host = Host::new("public").await;
    host.store(PgStore::on_pool).migrate().await.unwrap();
    let connect = (*host.pool.connect_options()).clone();
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(connect);
    let session = || sqlx::query_scalar::<_, String>(SESSION).fetch_all(&pool);
    let before = session().await.unwrap();
    let options = PgOptions::default().with_clock_check(ClockCheck::Off);
    let store = PgStore::on_pool(pool.clone(), &options);
    for step in each_step(&store).await {
        step.unwrap();
    }
    let mut tx = pool.begin().await.unwrap();
    store.open_in_transaction(&mut tx, &plan(2, 1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(session().await.unwrap(), before);
}

#[tokio::test]
async fn the_host_and_the_store_migrate_concurrently() {
    for made in CONSTRUCTORS.into_iter().cycle().take(6) {
        let host = Host::new("public").await;
        let store = host.store(made);
        tokio::join!(host.migrate(), host.migrate(), async {
            store.migrate().await.unwrap();
        });
        check_works(&store).await;
        assert!(host.objects().await.contains(&"applied 1 true".to_owned()));
    }
}

#[tokio::test]
async fn neither_migrator_waits_for_the_others_lock() {
    let host = Host::new("public").await;
    let mut held = host.pool.acquire().await.unwrap();
    // A migrator of sqlx that died midway keeps its lock while its connection lives.
    held.lock().await.unwrap();
    host.store(PgStore::on_pool).migrate().await.unwrap();
    held.unlock().await.unwrap();

    let ours = r#"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('migrating "messaging"', 0))"#;
    sqlx::raw_sql(ours).execute(&mut *held).await.unwrap();
    host.migrate().await;
}

#[tokio::test]
async fn two_schemas_in_one_database_are_independent() {
    let host = Host::new("public").await;
    let stores = ["messaging", "chat"].map(|name| {
        let options = PgOptions::default().with_schema(SchemaName::parse(name).unwrap());
        PgStore::on_pool(host.pool.clone(), &options.with_clock_check(ClockCheck::Off))
    });
    for store in &stores {
        store.migrate().await.unwrap();
    }
    check_works(&stores[0]).await;
    assert_eq!(
        stores[1].find_conversation(plan(1, 1).id.into()).await.unwrap(),
        None
    );
    check_works(&stores[1]).await;
}
