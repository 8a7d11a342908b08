use messaging_sqlx::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

use crate::{conformance::block_on, support::dir::fresh_dir};

async fn fresh_store() -> (SqliteStore, TempDir) {
    let dir = fresh_dir();
    let path = dir.path().join("messaging.db");
    let options = SqliteOptions::default();
    let store = SqliteStore::open_migrated(path, &options)
        .await
        .expect("the store opens");
    (store, dir)
}

messaging_testkit::conformance!(
    block_on,
    fresh_store,
    [digests, push, moderation, audit, activity, erasure, recount],
);
