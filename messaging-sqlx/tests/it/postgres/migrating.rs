//! How a schema is created, and which versions of the code accept it.

use std::error::Error as _;

use messaging_core::store::{ConversationStore as _, Publisher, StoreError, StoreErrorKind};
use messaging_sqlx::{PgOptions, PgStore, SchemaError, SchemaName, postgres::PgMigrator};
use messaging_test_postgres::{Database, PgServer, Schema};
use messaging_testkit::{
    make::{conversation_id, plan},
    recount,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::postgres::{Bench, code, each_step, is_stored, tables};

/// Returns why a store refuses its database.
#[track_caller]
fn schema_error(error: &StoreError) -> SchemaError {
    assert_eq!(error.kind(), StoreErrorKind::Internal, "{error:?}");
    *error.source().unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn every_step_reports_a_missing_migration() {
    let bench = Bench::unmigrated();
    let store = bench.store();
    let mut refused = each_step(&store).await;
    let mut host = bench.session().await;
    let opened = store.open_in_transaction(&mut host.connection, &plan(1, 1)).await;
    refused.push(opened.map(drop));
    for step in refused {
        let expected = SchemaError::NotMigrated { at: 0, needed: 1 };
        assert_eq!(schema_error(&step.unwrap_err()), expected);
    }

    store.migrate().await.unwrap();
    for step in each_step(&store).await {
        step.unwrap();
    }
}

#[tokio::test]
async fn a_migration_by_another_store_counts() {
    let bench = Bench::unmigrated();
    let (one, other) = (bench.store(), bench.store());
    other
        .find_conversation(conversation_id(1).into())
        .await
        .unwrap_err();
    one.migrate().await.unwrap();
    assert!(
        other
            .find_conversation(conversation_id(1).into())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let bench = Bench::new().await;
    let store = bench.store();
    assert!(is_stored(&store, 1).await);
    store.migrate().await.unwrap();
    assert!(!is_stored(&store, 1).await);
    assert_eq!(bench.messages().await, 1);
}

#[tokio::test]
async fn a_migration_in_the_hosts_transaction_is_committed_by_the_host() {
    let bench = Bench::unmigrated();
    let mut session = bench.session().await;
    let migrator = bench.store().migrator();
    let mut tx = session.connection.begin().await.unwrap();
    migrator.run(&mut tx).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(tables(&mut session.connection, bench.name()).await.is_empty());

    let mut tx = session.connection.begin().await.unwrap();
    migrator.run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(
        bench
            .store()
            .open(&plan(1, 1), Publisher::Anyone)
            .await
            .unwrap()
            .created
    );
}

/// All definitions of a schema, without its name.
const DEFINITIONS: &str = r"
    SELECT replace(what, quote_ident($1) || '.', '') FROM (
        SELECT concat_ws(' ', 'column', table_name, ordinal_position, column_name, data_type, collation_name,
            is_nullable, column_default, identity_generation) AS what
            FROM information_schema.columns WHERE table_schema = $1
        UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = $1
        UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE connamespace = $1::regnamespace
        UNION ALL SELECT concat_ws(' ', 'relation', relname, relkind, relpersistence, reloptions)
            FROM pg_class WHERE relnamespace = $1::regnamespace
        UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = $1::regnamespace
        UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = $1::regnamespace
    ) AS everything ORDER BY 1";

#[tokio::test]
async fn the_plain_file_and_the_scripts_equal_a_migration() {
    let database = Database::create(PgServer::shared()).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let file = include_str!("../../../migrations/postgres/0001_init.sql");
    sqlx::raw_sql(file).execute(&mut connection).await.unwrap();
    let named = |name: &str| SchemaName::parse(name).unwrap();
    for script in PgMigrator::new(named("scripted")).scripts() {
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        script.execute(&mut connection).await.unwrap();
    }
    let options = PgOptions::default().with_schema(named("migrated"));
    let store = PgStore::from_url(database.url(), &options).unwrap();
    store.migrate().await.unwrap();

    let mut made = Vec::new();
    for schema in ["migrated", "scripted", "messaging"] {
        let parts = sqlx::query_scalar::<_, String>(DEFINITIONS).bind(schema);
        made.push(parts.fetch_all(&mut connection).await.unwrap());
        let options = PgOptions::default().with_schema(named(schema));
        let store = PgStore::from_url(database.url(), &options).unwrap();
        store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
    }
    assert!(made[0].len() > 100, "{:?}", made[0]);
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[tokio::test]
async fn a_failed_migration_is_rolled_back_and_can_be_repeated() {
    let bench = Bench::unmigrated();
    let mut other_session = bench.session().await;
    let schema = bench.name();
    other_session
        .run(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE messaging.lane (n int)"
        ))
        .await;
    let store = bench.store();
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(code(&error).as_deref(), Some("42P07"));
    assert_eq!(tables(&mut other_session.connection, schema).await, ["lane"]);

    other_session.run("DROP TABLE messaging.lane").await;
    store.migrate().await.unwrap();
    assert!(store.open(&plan(1, 1), Publisher::Anyone).await.unwrap().created);
}

#[tokio::test]
async fn a_database_that_needs_newer_code_is_refused() {
    let bench = Bench::new().await;
    let newer =
        "INSERT INTO messaging.migration (version, name, oldest_code) VALUES (2, 'later', 1), (3, 'less', 3)";
    bench.session().await.run(newer).await;
    let store = bench.store();
    let mut refused = each_step(&store).await;
    refused.push(store.migrate().await);
    for step in refused {
        let expected = SchemaError::NeedsNewerCode { needed: 3, code: 1 };
        assert_eq!(schema_error(&step.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn a_compatible_newer_database_is_accepted() {
    let bench = Bench::new().await;
    let newer = "INSERT INTO messaging.migration (version, name, oldest_code) VALUES (2, 'more', 1)";
    bench.session().await.run(newer).await;
    let store = bench.store();
    store.migrate().await.unwrap();
    assert!(is_stored(&store, 1).await);
}

#[tokio::test]
async fn two_schemas_in_one_database_are_independent() {
    let (one, other) = (Bench::new().await, Bench::new().await);
    assert_eq!(one.store().migrator(), one.store().migrator());
    assert_ne!(one.store().migrator(), other.store().migrator());
    // On one host's pool.
    let pool = one.pool(2);
    let mine = PgStore::on_pool(pool.clone(), &one.options());
    let yours = PgStore::on_pool(pool, &other.options());
    mine.open(&plan(2, 1), Publisher::Anyone).await.unwrap();
    for n in 1..4 {
        assert!(is_stored(&mine, n).await);
    }
    assert!(is_stored(&yours, 1).await);

    let (mine, yours) = (recount(&mine).await.unwrap(), recount(&yours).await.unwrap());
    assert_eq!((mine.conversations(), mine.messages()), (2, 3));
    assert_eq!((yours.conversations(), yours.messages()), (1, 1));
    mine.assert_clean();
    yours.assert_clean();
}

#[tokio::test]
async fn a_database_with_another_encoding_is_refused() {
    let server = PgServer::shared();
    let mut admin = PgConnection::connect(&server.admin_url()).await.unwrap();
    let name = Schema::fresh_name();
    let create = format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .unwrap();
    let store = PgStore::from_url(&server.url(&name), &PgOptions::default()).unwrap();
    let migrated = store.migrate().await;
    store.close().await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(schema_error(&migrated.unwrap_err()), SchemaError::Encoding);
}
