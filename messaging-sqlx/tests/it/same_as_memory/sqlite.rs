use messaging_sqlx::{SqliteOptions, SqliteStore};
use proptest::{prelude::*, test_runner::Config};
use tempfile::TempDir;

use crate::{
    same_as_memory::{
        pair::{Backend, check},
        steps,
    },
    support::dir::fresh_dir,
};

struct InFile {
    store: SqliteStore,
    dir: TempDir,
}

impl Backend for InFile {
    type Store = SqliteStore;

    async fn new() -> Self {
        let dir = fresh_dir();
        let store = open(&dir).await;
        Self { store, dir }
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.dir).await;
    }
}

async fn open(dir: &TempDir) -> SqliteStore {
    let path = dir.path().join("messaging.db");
    let options = SqliteOptions::default();
    SqliteStore::open_migrated(path, &options).await.unwrap()
}

proptest! {
    #![proptest_config(Config { cases: 96, ..Config::default() })]

    #[test]
    fn both_stores_return_the_same_results(steps in steps::any_number()) {
        check::<InFile>(&steps);
    }
}
