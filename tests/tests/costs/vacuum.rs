//! A VACUUM that removes all dead rows.

use sqlx::PgConnection;

const OTHER_SNAPSHOTS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL";

/// Waits until no other session of the database holds a snapshot. A VACUUM removes no row that died after the oldest
/// snapshot began, and autovacuum holds one while it analyses a table.
pub(crate) async fn without_other_snapshots(connection: &mut PgConnection) {
    let count = || sqlx::query_scalar::<_, i64>(OTHER_SNAPSHOTS);
    while count().fetch_one(&mut *connection).await.unwrap() > 0 {}
}
