use std::error::Error as _;

use futures_util::future::try_join_all;
use messaging_core::{
    id::AgentId,
    store::{AuditStore, ConversationStore, OutboxStore, Publisher, StoreError, StoreErrorKind},
};
use messaging_sqlx::{SchemaError, SqliteOptions, SqliteStore};
use sqlx::Connection as _;

use crate::support::sqlite::{Contents, Place, append, at, conversation, plan, run_all_steps, stored};

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt_and_unchanged() {
    let place = Place::new();
    let text = "Dear diary, ".repeat(1000);
    std::fs::write(place.path(), &text).unwrap();
    let opened = SqliteStore::open(place.path(), &SqliteOptions::default()).await;
    assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
}

/// The state after a full disk or an interrupted copy.
#[tokio::test]
async fn an_empty_file_is_refused_and_stays_empty() {
    let place = Place::new();
    std::fs::write(place.path(), "").unwrap();
    for _ in 0..2 {
        check_not_ours(&place).await;
        assert_eq!(std::fs::metadata(place.path()).unwrap().len(), 0);
    }
}

/// Another program's ledger with the same schema as ours.
const FOREIGN_LEDGER: &str = "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT); \
    INSERT INTO migration VALUES (1, 'init')";

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_unchanged() {
    for schema in [
        "CREATE TABLE diary (day TEXT)",
        FOREIGN_LEDGER,
        // Its ledger even has the name and schema of ours.
        "CREATE TABLE migration (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
            oldest_code INTEGER NOT NULL, applied_at INTEGER NOT NULL DEFAULT 0) STRICT",
        "PRAGMA application_id = 1; CREATE TABLE diary (day TEXT)",
    ] {
        let place = Place::new();
        let mut other = place.connect().await;
        sqlx::raw_sql(schema).execute(&mut other).await.unwrap();
        other.close().await.unwrap();
        let before = place.contents();
        check_not_ours(&place).await;
        assert_eq!(place.contents(), before, "{schema}");
    }
}

/// Nor is its log moved into the file, as the last connection of a program with write access would do.
#[tokio::test]
async fn a_foreign_database_with_a_log_is_refused_and_keeps_its_log() {
    let (running, place) = (Place::new(), Place::new());
    let mut other = running.connect().await;
    sqlx::raw_sql("PRAGMA journal_mode = WAL")
        .execute(&mut other)
        .await
        .unwrap();
    sqlx::raw_sql(FOREIGN_LEDGER).execute(&mut other).await.unwrap();
    // The state after the program is killed now.
    let log = place.beside("-wal");
    std::fs::copy(running.path(), place.path()).unwrap();
    std::fs::copy(running.beside("-wal"), &log).unwrap();
    let files = || [place.path(), log.clone()].map(|file| std::fs::read(file).unwrap());
    let before = files();
    assert!(!before[1].is_empty());
    check_not_ours(&place).await;
    assert_eq!(files(), before);
}

/// Nor are its uncommitted changes rolled back.
#[tokio::test]
async fn a_half_written_foreign_database_is_refused_and_unchanged() {
    let (running, place) = (Place::new(), Place::new());
    let mut other = running.connect().await;
    sqlx::raw_sql(FOREIGN_LEDGER).execute(&mut other).await.unwrap();
    // More than the cache holds, so that a part of it is in the file.
    let half = "PRAGMA cache_size = 1; BEGIN; \
        WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 100) \
        INSERT INTO migration SELECT n, hex(randomblob(2000)) FROM n";
    sqlx::raw_sql(half).execute(&mut other).await.unwrap();
    std::fs::copy(running.path(), place.path()).unwrap();
    std::fs::copy(running.beside("-journal"), place.beside("-journal")).unwrap();
    let before = place.contents();
    for _ in 0..2 {
        let opened = SqliteStore::open_migrated(place.path(), &SqliteOptions::default()).await;
        assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::ReadOnly);
    }
    assert_eq!(place.contents(), before);
}

#[tokio::test]
async fn a_copy_by_vacuum_into_is_opened() {
    let (place, copy) = (Place::new(), Place::new());
    let store = place.open().await;
    run_all_steps(&store).await;
    sqlx::query("VACUUM INTO ?")
        .bind(copy.path().to_str().unwrap())
        .execute(&mut place.connect().await)
        .await
        .unwrap();
    let copied = copy.open().await;
    assert_eq!(Contents::of(&copied).await, Contents::of(&store).await);
}

/// The state after a restore from a `.dump`.
#[tokio::test]
async fn a_database_without_the_application_id_is_refused_until_it_is_set() {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    let before = Contents::of(&store).await;
    store.close().await;
    let mut shell = place.connect().await;
    sqlx::raw_sql("PRAGMA application_id = 0")
        .execute(&mut shell)
        .await
        .unwrap();
    check_not_ours(&place).await;
    sqlx::raw_sql("PRAGMA application_id = 0x6d657373")
        .execute(&mut shell)
        .await
        .unwrap();
    assert_eq!(Contents::of(&place.open().await).await, before);
}

async fn check_not_ours(place: &Place) {
    let options = SqliteOptions::default();
    for opened in [
        SqliteStore::open(place.path(), &options).await,
        SqliteStore::open_existing(place.path(), &options).await,
        SqliteStore::open_migrated(place.path(), &options).await,
    ] {
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Internal);
        let why = error.source().and_then(|why| why.downcast_ref::<SchemaError>());
        assert_eq!(why, Some(&SchemaError::NotOurs));
    }
}

#[tokio::test]
async fn a_required_file_is_not_created() {
    let place = Place::new();
    let options = SqliteOptions::default();
    let error = SqliteStore::open_existing(place.path(), &options)
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Unavailable { .. }),
        "{error:?}"
    );
    assert!(!place.path().exists());
    // A file that was created without being migrated exists, too.
    SqliteStore::open(place.path(), &options)
        .await
        .unwrap()
        .close()
        .await;
    let store = SqliteStore::open_existing(place.path(), &options).await.unwrap();
    store.migrate().await.unwrap();
    store.probe_writes(at(1)).await.unwrap();
}

/// The first store creates the file, and no other file is left beside it.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creators_share_one_file() {
    let place = Place::new();
    let options = SqliteOptions::default();
    let opened = (0..8).map(|_| SqliteStore::open_migrated(place.path(), &options));
    let stores = try_join_all(opened).await.unwrap();
    stores[0].open(&plan(1), Publisher::Anyone).await.unwrap();
    for store in &stores {
        assert!(
            store
                .find_conversation(conversation(1).into())
                .await
                .unwrap()
                .is_some()
        );
    }
    let path = place.path();
    let names = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().ends_with(".new"))
        .collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

#[tokio::test]
async fn an_impossible_path_is_unavailable() {
    let place = Place::new();
    let path = place.path().join("not").join("there");
    let opened = SqliteStore::open(path, &SqliteOptions::default()).await;
    let kind = opened.unwrap_err().kind();
    assert!(matches!(kind, StoreErrorKind::Unavailable { .. }), "{kind:?}");
}

#[tokio::test]
async fn an_invalid_stored_value_is_corrupt() {
    for damage in [
        "UPDATE conversation SET client_id = '' WHERE client_id = 'client-1'",
        "UPDATE conversation SET id = x'00' WHERE client_id = 'client-1'",
        "UPDATE conversation SET access_version = -1",
        "UPDATE message SET sender_id = 'a b' WHERE sender_id = 'client-1'",
        "UPDATE message SET idempotency_key = 'ü' WHERE seq = 5",
        "UPDATE audit SET action = 'dance'",
        "UPDATE dead_letter SET kind = 9",
        "UPDATE dead_letter SET kind = 2",
    ] {
        let place = Place::new();
        let store = place.open().await;
        run_all_steps(&store).await;
        let done = sqlx::query(damage).execute(&mut place.connect().await).await;
        assert!(done.unwrap().rows_affected() > 0, "{damage}");
        let agent_id = AgentId::parse("agency").unwrap();
        let reads = [
            store.list_agent_conversations(&agent_id, None, 9).await.err(),
            store.find_summary(conversation(1)).await.err(),
            store.list_accesses(None, 9).await.err(),
            store.list_dead_letters(None, 9).await.err(),
        ];
        let kinds: Vec<_> = reads.iter().flatten().map(StoreError::kind).collect();
        assert!(!kinds.is_empty(), "{damage}");
        assert!(
            kinds.iter().all(|kind| *kind == StoreErrorKind::Corrupt),
            "{damage}: {kinds:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_page_is_corrupt_for_reads_and_writes() {
    let place = Place::new();
    let store = place.open().await;
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    for id in 10..200 {
        stored(store.append(&append(1, id)).await.unwrap());
    }
    store.close().await;
    let end: u32 = sqlx::query_scalar(
        "SELECT page_size * rootpage FROM pragma_page_size, sqlite_schema WHERE name = 'conversation'",
    )
    .fetch_one(&mut place.connect().await)
    .await
    .unwrap();
    let end = usize::try_from(end).unwrap();
    let mut bytes = std::fs::read(place.path()).unwrap();
    bytes[end - 512..end].fill(0xa5);
    bytes[end - 4096..end - 4000].fill(0xa5);
    std::fs::write(place.path(), bytes).unwrap();

    let store = place.open().await;
    let error = store.find_conversation(conversation(1).into()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
    let error = store.append(&append(1, 200)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
}
