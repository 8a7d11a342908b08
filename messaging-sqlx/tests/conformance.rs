//! The suite that every store passes.

#![cfg(feature = "sqlite")]

mod dir;

use std::sync::LazyLock;

use messaging_sqlx::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

use self::dir::fresh_dir;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));

fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

async fn fresh_store() -> (SqliteStore, TempDir) {
    let dir = fresh_dir();
    let path = dir.path().join("messaging.db");
    let options = SqliteOptions::default();
    let store = SqliteStore::open_migrated(path, &options).await.expect("a store");
    (store, dir)
}

messaging_testkit::conformance!(block_on, fresh_store);
