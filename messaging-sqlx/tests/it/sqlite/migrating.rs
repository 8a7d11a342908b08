use std::error::Error;

use futures_util::future::{join_all, try_join_all};
use messaging_core::store::{Claim, ConversationStore, OutboxStore, Publisher, StoreError, StoreErrorKind};
use messaging_sqlx::{SchemaError, SqliteOptions, SqliteStore};

use crate::support::sqlite::{Place, append, at, conversation, plan, worker};

async fn open(place: &Place) -> SqliteStore {
    let options = SqliteOptions::default();
    SqliteStore::open(place.path(), &options).await.unwrap()
}

fn schema_error(error: &StoreError) -> Option<SchemaError> {
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    error.source()?.downcast_ref().copied()
}

#[tokio::test]
async fn every_step_reports_a_missing_migration() {
    let place = Place::new();
    let store = open(&place).await;
    let refused = [
        store.find_conversation(conversation(1).into()).await.unwrap_err(),
        store.append(&append(1, 10)).await.unwrap_err(),
        store
            .claim_lanes(&Claim::new(worker(1), at(0), at(1), 1))
            .await
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(
            schema_error(&error),
            Some(SchemaError::NotMigrated { at: 0, needed: 1 })
        );
    }

    store.migrate().await.unwrap();
    assert_eq!(
        store.find_conversation(conversation(1).into()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_migration_by_another_store_counts() {
    let place = Place::new();
    let (one, other) = (open(&place).await, open(&place).await);
    one.migrate().await.unwrap();
    assert_eq!(
        other.find_conversation(conversation(1).into()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn the_plain_file_equals_a_migration() {
    let place = Place::new();
    let mut other = place.connect().await;
    sqlx::raw_sql(include_str!("../../../migrations/sqlite/0001_init.sql"))
        .execute(&mut other)
        .await
        .unwrap();
    let store = open(&place).await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    store.migrate().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_stores_open_and_migrate_a_new_file_at_once() {
    for _ in 0..10 {
        let place = Place::new();
        let path = place.path();
        let opening = (0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { SqliteStore::open_migrated(path, &SqliteOptions::default()).await })
        });
        let stores = try_join_all(opening).await.unwrap();
        for store in &stores {
            let store = store.as_ref().unwrap();
            store.find_conversation(conversation(1).into()).await.unwrap();
        }
        let applied: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM migration")
            .fetch_one(&mut place.connect().await)
            .await
            .unwrap();
        assert_eq!(applied, 1);
        join_all(stores.iter().flatten().map(SqliteStore::close)).await;
    }
}

#[tokio::test]
async fn a_database_that_needs_newer_code_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    sqlx::query("INSERT INTO migration (version, name, oldest_code) VALUES (2, 'later', 1), (3, 'less', 3)")
        .execute(&mut place.connect().await)
        .await
        .unwrap();

    let expected = SchemaError::NeedsNewerCode { needed: 3, code: 1 };
    let store = open(&place).await;
    let error = store.find_conversation(conversation(1).into()).await.unwrap_err();
    assert_eq!(schema_error(&error), Some(expected));
    let error = store.open(&plan(1), Publisher::Anyone).await.unwrap_err();
    assert_eq!(schema_error(&error), Some(expected));
    assert_eq!(schema_error(&store.migrate().await.unwrap_err()), Some(expected));
}

#[tokio::test]
async fn a_compatible_newer_database_is_accepted() {
    let place = Place::new();
    place.open().await.close().await;
    sqlx::query("INSERT INTO migration (version, name, oldest_code) VALUES (2, 'more', 1)")
        .execute(&mut place.connect().await)
        .await
        .unwrap();
    place
        .open()
        .await
        .open(&plan(1), Publisher::Anyone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failed_migration_is_rolled_back_and_can_be_repeated() {
    let place = Place::new();
    let store = open(&place).await;
    let mut other = place.connect().await;
    sqlx::raw_sql("CREATE TABLE lane (n INTEGER)")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(
        store.migrate().await.unwrap_err().kind(),
        StoreErrorKind::Internal
    );

    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema")
        .fetch_all(&mut other)
        .await
        .unwrap();
    assert_eq!(tables, ["lane"]);

    sqlx::raw_sql("DROP TABLE lane")
        .execute(&mut other)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
}
