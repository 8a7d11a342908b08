//! The store: a SQLite file, or a PostgreSQL database shared with other processes.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use messaging_core::{
    Messaging, MessagingBuilder,
    host::rate_limit::{RateLimits, Unlimited},
    store::RecountStore,
};
use messaging_sqlx::{PgOptions, PgStore, SqliteOptions, SqliteStore, postgres::Pooler};

use crate::{
    config::{Database, DatabasePooler, Switch},
    data_dir::DataDir,
    directory::DemoDirectory,
};

/// Statement timeout for recounting a large conversation.
const RECOUNT_TIMEOUT: Duration = Duration::from_mins(5);

/// The store of this server.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// A SQLite file, with its locked directory if this process is a server.
    Sqlite(
        SqliteStore,
        #[expect(dead_code, reason = "holds the lock")] Option<Arc<DataDir>>,
    ),
    /// A schema of a PostgreSQL database, shared by any number of servers.
    Postgres(PgStore),
}

impl Storage {
    /// Opens the PostgreSQL database if configured, otherwise the SQLite file in a directory, which is created if
    /// missing. Applies pending migrations.
    pub(crate) async fn open(database: Option<Database>, data_dir: &Path) -> anyhow::Result<Self> {
        match database {
            Some(database) => Self::open_postgres(&database).await,
            None => Self::open_sqlite(data_dir).await,
        }
    }

    /// Opens an existing store without creating or migrating anything.
    pub(crate) async fn open_existing(database: Option<Database>, data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(database) = database {
            let options = PgOptions::default().with_statement_timeout(RECOUNT_TIMEOUT);
            return Ok(Self::Postgres(postgres(&database, options)?));
        }
        let file = DataDir::file_in(data_dir);
        anyhow::ensure!(
            file.is_file(),
            "{} does not exist; check DATA_DIR",
            file.display()
        );
        let store = SqliteStore::open_existing(&file, &SqliteOptions::default()).await;
        let store = store.with_context(|| format!("{} cannot be used", file.display()))?;
        Ok(Self::Sqlite(store, None))
    }

    async fn open_postgres(database: &Database) -> anyhow::Result<Self> {
        let store = postgres(database, PgOptions::default())?;
        let migrated = store.migrate().await;
        migrated.context("the database of DATABASE_URL cannot be used")?;
        Ok(Self::Postgres(store))
    }

    async fn open_sqlite(data_dir: &Path) -> anyhow::Result<Self> {
        let shown = data_dir.display();
        let dir = DataDir::lock(data_dir)?;
        let (file, options) = (DataDir::file_in(data_dir), SqliteOptions::default());
        let opened = if dir.has_database()? {
            SqliteStore::open_existing(file, &options).await
        } else {
            SqliteStore::open(file, &options).await
        };
        let store = opened.with_context(|| {
            format!("the database in {shown} cannot be used; if it is missing, restore it, or start with an empty directory")
        })?;
        let migrated = store.migrate().await;
        migrated.with_context(|| format!("the database in {shown} cannot be migrated"))?;
        dir.mark_database_created()?;
        tracing::info!("messages are stored in {}", DataDir::file_in(data_dir).display());
        Ok(Self::Sqlite(store, Some(Arc::new(dir))))
    }

    /// Starts building a [`Messaging`] on this store. Rate limits are shared with other servers on the same database.
    pub(crate) fn messaging(&self, rate_limits: Switch) -> MessagingBuilder {
        let builder = match self {
            Self::Sqlite(store, _) => Messaging::builder(store.clone(), DemoDirectory),
            Self::Postgres(store) => Messaging::builder(store.clone(), DemoDirectory)
                .rate_limiter(store.rate_limiter(RateLimits::default())),
        };
        match rate_limits {
            Switch::On => builder,
            Switch::Off => builder.rate_limiter(Unlimited),
        }
    }

    /// The store, for a recount.
    pub(crate) fn recount(&self) -> &dyn RecountStore {
        match self {
            Self::Sqlite(store, _) => store,
            Self::Postgres(store) => store,
        }
    }

    /// Whether other servers may use the same store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Finishes operations in progress and closes the store.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store, _) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

fn postgres(database: &Database, options: PgOptions) -> anyhow::Result<PgStore> {
    let options = options.with_pooler(match database.pooler {
        DatabasePooler::Session => Pooler::Session,
        DatabasePooler::Transaction => Pooler::Transaction,
    });
    PgStore::from_url(database.url.as_str(), &options)
        .context("DATABASE_URL is not a PostgreSQL URL, such as postgres://user:password@host:5432/database")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use messaging_core::store::RecountScan;
    use tempfile::TempDir;

    use super::*;

    async fn open_error(dir: &TempDir) -> String {
        let opened = Storage::open(None, dir.path()).await;
        format!("{:#}", opened.unwrap_err())
    }

    #[tokio::test]
    async fn a_second_server_on_a_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Storage::open(None, dir.path()).await.unwrap();
        let error = open_error(&dir).await;
        assert!(error.contains("another server runs on"), "{error}");
        first.close().await;
        drop(first);
        Storage::open(None, dir.path()).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn other_commands_work_beside_a_running_server() {
        let dir = tempfile::tempdir().unwrap();
        let server = Storage::open(None, dir.path()).await.unwrap();
        for _ in 0..2 {
            let command = Storage::open_existing(None, dir.path()).await.unwrap();
            assert!(
                command
                    .recount()
                    .recount_conversations(&all())
                    .await
                    .unwrap()
                    .is_empty()
            );
            command.close().await;
        }
        server.close().await;
    }

    #[tokio::test]
    async fn a_missing_or_empty_database_is_not_recreated() {
        let dir = tempfile::tempdir().unwrap();
        let file = DataDir::file_in(dir.path());
        Storage::open(None, dir.path()).await.unwrap().close().await;
        fs::remove_file(&file).unwrap();
        open_error(&dir).await;
        assert!(!file.exists());
        fs::write(&file, "").unwrap();
        let error = open_error(&dir).await;
        assert!(error.contains("the file is empty"), "{error}");
        assert_eq!(fs::metadata(&file).unwrap().len(), 0);
        assert!(Storage::open_existing(None, dir.path()).await.is_err());
    }

    fn all() -> RecountScan {
        RecountScan::new(9)
    }
}
