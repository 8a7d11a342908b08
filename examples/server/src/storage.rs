//! Where messages are kept: a file, or a database that other processes share.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use messaging_core::{Messaging, MessagingBuilder, RateLimits, Unlimited, port::store::Tallies};
use messaging_sqlx::{PgOptions, PgStore, SqliteOptions, SqliteStore};

use crate::{
    config::{DatabaseUrl, Switch},
    directory::DemoDirectory,
};

const FILE: &str = "messaging.db";
/// How long counting one large conversation may take.
const RECOUNT_TIMEOUT: Duration = Duration::from_mins(5);

/// The store of this server.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// A SQLite file of its own.
    Sqlite(SqliteStore),
    /// A schema of a PostgreSQL database, which any number of servers share.
    Postgres(PgStore),
}

impl Storage {
    /// Opens the database at a URL if there is one, else the file in a directory, which is made if it is not
    /// there; and brings it up to date.
    pub(crate) async fn open(url: Option<&DatabaseUrl>, data_dir: &Path) -> anyhow::Result<Self> {
        match url {
            Some(url) => Self::open_postgres(url).await,
            None => Self::open_sqlite(data_dir).await,
        }
    }

    /// The same, but as it is: nothing is made, and nothing is migrated.
    pub(crate) async fn open_existing(url: Option<&DatabaseUrl>, data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(url) = url {
            let patient = PgOptions::default().with_statement_timeout(RECOUNT_TIMEOUT);
            return Ok(Self::Postgres(postgres(url, &patient)?));
        }
        let file = data_dir.join(FILE);
        anyhow::ensure!(file.is_file(), "there is no {}", file.display());
        let store = SqliteStore::open(&file, &SqliteOptions::default()).await;
        Ok(Self::Sqlite(
            store.with_context(|| format!("{} cannot be used", file.display()))?,
        ))
    }

    async fn open_postgres(url: &DatabaseUrl) -> anyhow::Result<Self> {
        let store = postgres(url, &PgOptions::default())?;
        let migrated = store.migrate().await;
        migrated.context("the database of DATABASE_URL cannot be used")?;
        Ok(Self::Postgres(store))
    }

    async fn open_sqlite(data_dir: &Path) -> anyhow::Result<Self> {
        let shown = data_dir.display();
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("the data directory {shown} cannot be made"))?;
        let options = SqliteOptions::default();
        let store = SqliteStore::open_migrated(data_dir.join(FILE), &options).await;
        let store = store.with_context(|| format!("the database in {shown} cannot be used"))?;
        Ok(Self::Sqlite(store))
    }

    /// Begins a [`Messaging`] on this store, whose users may do only so much: together with whoever shares it.
    pub(crate) fn messaging(&self, rate_limits: Switch) -> MessagingBuilder {
        let builder = match self {
            Self::Sqlite(store) => Messaging::builder(store.clone(), DemoDirectory),
            Self::Postgres(store) => Messaging::builder(store.clone(), DemoDirectory)
                .rate_limiter(store.rate_limiter(RateLimits::default())),
        };
        match rate_limits {
            Switch::On => builder,
            Switch::Off => builder.rate_limiter(Unlimited),
        }
    }

    /// What can be recounted.
    pub(crate) fn tallies(&self) -> &dyn Tallies {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }

    /// Whether servers on other machines may be on the same store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Finishes what is under way, and closes it.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

fn postgres(url: &DatabaseUrl, options: &PgOptions) -> anyhow::Result<PgStore> {
    PgStore::from_url(url.as_str(), options).context("DATABASE_URL is no such URL")
}
