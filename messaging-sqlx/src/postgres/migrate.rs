//! Migrations of the schema.

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{Connection as _, PgConnection, Row};

use super::{
    SchemaName,
    error::{corrupt, failed},
};
use crate::schema::{Ledger, SchemaError};

/// The schema version of this code: that of its newest migration.
const CODE_VERSION: u32 = 1;

/// The migrations; the n-th leads to version n. Each inserts itself into the ledger.
const MIGRATIONS: [&str; CODE_VERSION as usize] = [include_str!("../../migrations/postgres/0001_init.sql")];

/// Reads the catalogue's rows. After the wait for the lock, a name look-up (`to_regclass`) could still return
/// this connection's cached answer that the table does not exist.
const HAS_LEDGER: &str = r#"SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE '"' || n.nspname || '"' = '"messaging"' AND c.relname = 'migration') AS has_ledger"#;
const LEDGER: &str = r#"SELECT COALESCE(MAX(version), 0) AS at, COALESCE(MAX(oldest_code), 0) AS oldest_code
    FROM "messaging".migration"#;

/// Allows one migrator of a schema at a time. Held until the transaction ends, on a key that sqlx's own
/// migrator, which the host may run concurrently, does not use. Waits without a limit: the host's statement
/// timeout does not apply to migrations. At `READ COMMITTED` the transaction sees what was committed during the
/// wait, whatever the host's default isolation level is.
const LOCK: &str = r#"SET LOCAL transaction_isolation = 'read committed';
    SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SELECT pg_advisory_xact_lock(hashtextextended('migrating "messaging"', 0))"#;
const ENCODING: &str = "SELECT current_setting('server_encoding') AS encoding";

const DOING: &str = "migrating the database";

/// Migrates a schema to the version that this code needs, for hosts that migrate with their own role and
/// connection. [`PgStore::migrate`](super::PgStore::migrate) does the same on a connection like the store's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgMigrator {
    schema: SchemaName,
}

impl PgMigrator {
    /// Creates the migrator of a schema.
    pub fn new(schema: SchemaName) -> Self {
        Self { schema }
    }

    /// Returns the migrations as plain SQL with the schema's name in it, oldest first. Apply each once, in a
    /// transaction of its own; each inserts itself into the ledger, the schema's table `migration`.
    pub fn scripts(&self) -> Vec<String> {
        let filled = MIGRATIONS.iter().map(|template| self.schema.fill(template));
        filled.map(|sql| sql.as_str().to_owned()).collect()
    }

    /// Applies the missing migrations, all or none, in one transaction on this connection. Safe to call
    /// concurrently from any number of processes. Creates the schema if it does not exist; a role that may not
    /// create schemas needs it created beforehand.
    ///
    /// Within a transaction of the host's, its timeouts are lifted until its end, and its isolation level must
    /// be `READ COMMITTED`.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal), caused by
    /// [`NeedsNewerCode`](SchemaError::NeedsNewerCode), when a newer version of this library has migrated
    /// the database to where this one cannot follow: upgrade; caused by
    /// [`Encoding`](SchemaError::Encoding), when the database cannot hold every text.
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the connection is lost,
    /// [`ReadOnly`](StoreErrorKind::ReadOnly) on a replica.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.apply(connection, &MIGRATIONS).await
    }

    async fn apply(&self, connection: &mut PgConnection, migrations: &[&str]) -> Result<(), StoreError> {
        let code = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
        let ledger = read_ledger(connection, &self.schema)
            .await
            .map_err(failed(DOING))?;
        if ledger.missing(code).map_err(refused(DOING))?.is_empty() {
            return Ok(());
        }

        let mut tx = connection.begin().await.map_err(failed(DOING))?;
        let lock = sqlx::raw_sql(self.schema.fill(LOCK));
        lock.execute(&mut *tx).await.map_err(failed(DOING))?;
        // Read again under the lock: another migrator may have committed meanwhile.
        let ledger = read_ledger(&mut tx, &self.schema).await.map_err(failed(DOING))?;
        let missing = ledger.missing(code).map_err(refused(DOING))?;
        check_encoding(&mut tx).await?;
        for (version, template) in (1..).zip(migrations) {
            if missing.contains(&version) {
                let script = sqlx::raw_sql(self.schema.fill(template));
                script.execute(&mut *tx).await.map_err(failed(DOING))?;
                let at = read_ledger(&mut tx, &self.schema)
                    .await
                    .map_err(failed(DOING))?
                    .at;
                if at != version {
                    return Err(refused(DOING)(SchemaError::NotRecorded { version }));
                }
            }
        }
        // If the answer is lost, the next migrator finds out whether this committed.
        tx.commit().await.map_err(failed(DOING))
    }
}

/// Checks whether this code can run on the database.
pub(super) async fn check(
    connection: &mut PgConnection,
    schema: &SchemaName,
    doing: &'static str,
) -> Result<(), StoreError> {
    let ledger = read_ledger(connection, schema).await.map_err(failed(doing))?;
    ledger.admits(CODE_VERSION).map_err(refused(doing))
}

/// Not prepared, so that it works behind any pooler.
async fn read_ledger(connection: &mut PgConnection, schema: &SchemaName) -> Result<Ledger, sqlx::Error> {
    let row = sqlx::raw_sql(schema.fill(HAS_LEDGER))
        .fetch_one(&mut *connection)
        .await?;
    if !row.try_get("has_ledger")? {
        return Ok(Ledger::default());
    }
    let row = sqlx::raw_sql(schema.fill(LEDGER)).fetch_one(connection).await?;
    let version = |column: &str| -> Result<u32, sqlx::Error> {
        u32::try_from(row.try_get::<i32, _>(column)?).map_err(corrupt)
    };
    Ok(Ledger {
        at: version("at")?,
        oldest_code: version("oldest_code")?,
    })
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), StoreError> {
    let row = sqlx::raw_sql(ENCODING)
        .fetch_one(connection)
        .await
        .map_err(failed(DOING))?;
    match row.try_get("encoding").map_err(failed(DOING))? {
        "UTF8" => Ok(()),
        _ => Err(refused(DOING)(SchemaError::Encoding)),
    }
}

fn refused(doing: &'static str) -> impl Fn(SchemaError) -> StoreError {
    move |why| StoreError::new(StoreErrorKind::Internal, doing).caused_by(why)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use messaging_test_postgres::Schema;

    use super::*;

    const FIRST: &str = MIGRATIONS[0];
    const EXPAND: &str = r#"CREATE TABLE "messaging".more (n integer);
        INSERT INTO "messaging".migration (version, name, oldest_code) VALUES (2, 'more', 1);"#;
    const BROKEN: &str = r#"CREATE TABLE "messaging".half (n integer);
        INSERT INTO "messaging".migration (version, name, oldest_code) VALUES (2, 'broken', 2);
        INSERT INTO "messaging".nowhere VALUES (1);"#;
    const SILENT: &str = r#"CREATE TABLE "messaging".half (n integer);"#;
    const CONTRACT: &str = r#"DROP TABLE "messaging".more;
        INSERT INTO "messaging".migration (version, name, oldest_code) VALUES (3, 'less', 3);"#;

    /// A schema that does not exist yet, and a connection to its database.
    struct Place {
        schema: Schema,
        connection: PgConnection,
    }

    impl Place {
        async fn new() -> Self {
            let schema = Schema::fresh();
            let connection = PgConnection::connect(schema.url()).await.unwrap();
            Self { schema, connection }
        }

        fn name(&self) -> SchemaName {
            SchemaName::parse(self.schema.name()).unwrap()
        }

        async fn apply(&mut self, migrations: &[&str]) -> Result<(), StoreError> {
            PgMigrator::new(self.name())
                .apply(&mut self.connection, migrations)
                .await
        }

        async fn check(&mut self) -> Result<(), StoreError> {
            let name = self.name();
            check(&mut self.connection, &name, "testing").await
        }

        async fn count(&mut self, what: &str) -> i64 {
            let count = self.name().fill(&format!("SELECT COUNT(*) {what}"));
            let counted = sqlx::query_scalar(count).fetch_one(&mut self.connection).await;
            counted.unwrap()
        }
    }

    fn why(error: &StoreError) -> Option<&SchemaError> {
        error.source()?.downcast_ref()
    }

    #[tokio::test]
    async fn only_missing_migrations_are_applied() {
        let mut place = Place::new().await;
        for migrations in [&[FIRST][..], &[FIRST, EXPAND], &[FIRST, EXPAND]] {
            place.apply(migrations).await.unwrap();
        }
        assert_eq!(place.count(r#"FROM "messaging".migration"#).await, 2);
        assert_eq!(place.count(r#"FROM "messaging".more"#).await, 0);
    }

    #[tokio::test]
    async fn a_failed_migration_leaves_no_migration_applied() {
        for bad in [BROKEN, SILENT] {
            let mut place = Place::new().await;
            assert!(place.apply(&[FIRST, bad]).await.is_err());
            let schemas = format!("FROM pg_namespace WHERE nspname = '{}'", place.name());
            assert_eq!(place.count(&schemas).await, 0);
            place.apply(&[FIRST, EXPAND]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_migration_without_a_ledger_entry_is_refused() {
        let mut place = Place::new().await;
        let error = place.apply(&[FIRST, SILENT]).await.unwrap_err();
        assert_eq!(why(&error), Some(&SchemaError::NotRecorded { version: 2 }));
    }

    #[tokio::test]
    async fn older_code_runs_until_a_migration_excludes_it() {
        let mut place = Place::new().await;
        place.apply(&[FIRST, EXPAND]).await.unwrap();
        place.apply(&[FIRST]).await.unwrap();
        place.check().await.unwrap();

        place.apply(&[FIRST, EXPAND, CONTRACT]).await.unwrap();
        let expected = SchemaError::NeedsNewerCode { needed: 3, code: 1 };
        for refused in [place.apply(&[FIRST]).await, place.check().await] {
            assert_eq!(why(&refused.unwrap_err()), Some(&expected));
        }
    }

    const WAITING: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND pid = $1)";

    /// A connection caches the names that it resolved before it waited.
    #[tokio::test]
    async fn a_waiting_migrator_finds_the_schema_migrated() {
        let schema = Schema::fresh();
        let migrator = PgMigrator::new(SchemaName::parse(schema.name()).unwrap());
        let mut first = PgConnection::connect(schema.url()).await.unwrap();
        let mut second = PgConnection::connect(schema.url()).await.unwrap();
        let second_pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut second)
            .await
            .unwrap();

        let mut tx = first.begin().await.unwrap();
        let lock = sqlx::raw_sql(migrator.schema.fill(LOCK));
        lock.execute(&mut *tx).await.unwrap();
        let waiting = tokio::spawn({
            let migrator = migrator.clone();
            async move { migrator.run(&mut second).await }
        });
        let mut is_waiting = false;
        while !is_waiting {
            tokio::task::yield_now().await;
            is_waiting = sqlx::query_scalar(WAITING)
                .bind(second_pid)
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        }
        for script in migrator.scripts() {
            sqlx::raw_sql(sqlx::AssertSqlSafe(script))
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        waiting.await.unwrap().unwrap();
    }
}
