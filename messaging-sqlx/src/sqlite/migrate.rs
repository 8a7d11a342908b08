use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{Connection, SqliteConnection};

use super::error::{commit_failed, failed};
use crate::schema::{Ledger, SchemaError};

/// The schema version of this code: that of its newest migration.
const CODE_VERSION: u32 = 1;

/// The migrations; the n-th leads to version n. Each inserts itself into the ledger.
const MIGRATIONS: [&str; CODE_VERSION as usize] = [include_str!("../../migrations/sqlite/0001_init.sql")];

const DOING: &str = "migrating the database";

/// Applies the missing migrations, all or none. Safe under concurrent migrations.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    apply(connection, &MIGRATIONS).await
}

/// Checks whether this code can run on the database.
pub(super) async fn check(connection: &mut SqliteConnection, doing: &'static str) -> Result<(), StoreError> {
    let ledger = read_ledger(connection).await.map_err(failed(doing))?;
    ledger.admits(CODE_VERSION).map_err(refused(doing))
}

async fn apply(connection: &mut SqliteConnection, migrations: &[&'static str]) -> Result<(), StoreError> {
    let code = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let ledger = read_ledger(connection).await.map_err(failed(DOING))?;
    if ledger.missing(code).map_err(refused(DOING))?.is_empty() {
        return Ok(());
    }

    let begun = connection.begin_with("BEGIN EXCLUSIVE").await;
    let mut tx = begun.map_err(failed(DOING))?;
    // Read again under the lock: another process may have migrated meanwhile.
    let ledger = read_ledger(&mut tx).await.map_err(failed(DOING))?;
    let missing = ledger.missing(code).map_err(refused(DOING))?;
    for (version, sql) in (1..).zip(migrations) {
        if missing.contains(&version) {
            sqlx::raw_sql(*sql)
                .execute(&mut *tx)
                .await
                .map_err(failed(DOING))?;
            let at = read_ledger(&mut tx).await.map_err(failed(DOING))?.at;
            if at != version {
                return Err(refused(DOING)(SchemaError::NotRecorded { version }));
            }
        }
    }
    tx.commit().await.map_err(commit_failed(DOING))
}

async fn read_ledger(connection: &mut SqliteConnection) -> Result<Ledger, sqlx::Error> {
    let exists: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !exists {
        return Ok(Ledger::default());
    }
    let (at, oldest_code) =
        sqlx::query_as("SELECT COALESCE(MAX(version), 0), COALESCE(MAX(oldest_code), 0) FROM migration")
            .fetch_one(connection)
            .await?;
    Ok(Ledger { at, oldest_code })
}

fn refused(doing: &'static str) -> impl Fn(SchemaError) -> StoreError {
    move |why| StoreError::new(StoreErrorKind::Internal, doing).caused_by(why)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    const FIRST: &str = MIGRATIONS[0];
    const EXPAND: &str = "CREATE TABLE more (n INTEGER) STRICT;
        INSERT INTO migration (version, name, oldest_code) VALUES (2, 'more', 1);";
    const BROKEN: &str = "CREATE TABLE half (n INTEGER) STRICT;
        INSERT INTO migration (version, name, oldest_code) VALUES (2, 'broken', 2);
        INSERT INTO nowhere VALUES (1);";
    const SILENT: &str = "CREATE TABLE half (n INTEGER) STRICT;";
    const CONTRACT: &str = "DROP TABLE more;
        INSERT INTO migration (version, name, oldest_code) VALUES (3, 'less', 3);";

    async fn empty() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.unwrap()
    }

    async fn tables(connection: &mut SqliteConnection) -> Vec<String> {
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .fetch_all(connection)
            .await
            .unwrap()
    }

    fn why(error: &StoreError) -> Option<&SchemaError> {
        error.source()?.downcast_ref()
    }

    #[tokio::test]
    async fn only_missing_migrations_are_applied() {
        let mut db = empty().await;
        apply(&mut db, &[FIRST]).await.unwrap();
        apply(&mut db, &[FIRST, EXPAND]).await.unwrap();
        apply(&mut db, &[FIRST, EXPAND]).await.unwrap();
        let versions: Vec<u32> = sqlx::query_scalar("SELECT version FROM migration ORDER BY version")
            .fetch_all(&mut db)
            .await
            .unwrap();
        assert_eq!(versions, [1, 2]);
    }

    #[tokio::test]
    async fn a_failed_migration_leaves_no_migration_applied() {
        for bad in [BROKEN, SILENT] {
            let mut db = empty().await;
            assert!(apply(&mut db, &[FIRST, bad]).await.is_err());
            assert!(tables(&mut db).await.is_empty());
            apply(&mut db, &[FIRST, EXPAND]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn older_code_runs_until_a_migration_excludes_it() {
        let mut db = empty().await;
        apply(&mut db, &[FIRST, EXPAND]).await.unwrap();
        apply(&mut db, &[FIRST]).await.unwrap();
        check(&mut db, "testing").await.unwrap();

        apply(&mut db, &[FIRST, EXPAND, CONTRACT]).await.unwrap();
        let expected = SchemaError::NeedsNewerCode { needed: 3, code: 1 };
        let refused = [apply(&mut db, &[FIRST]).await, check(&mut db, "testing").await];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(why(&error), Some(&expected));
        }
    }
}
