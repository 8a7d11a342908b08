use std::fmt::Write as _;

use messaging_sqlx::{PgMigrator, SchemaName};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

/// The number of thousand conversations, each with 20 messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale(pub(crate) usize);

impl Scale {
    /// Returns the number of conversations.
    pub(crate) fn conversations(self) -> usize {
        1_000 * self.0
    }

    /// Returns the number of messages in the long conversation, number 0.
    pub(crate) fn longest(self) -> usize {
        1_000 * self.0
    }

    /// Returns the number of conversations of agent 0.
    pub(crate) fn of_agent(self) -> usize {
        200 * self.0
    }
}

/// The number of conversations of client 0, at every scale.
pub(crate) const OF_CLIENT: usize = 50;
/// The number of due lanes, at every scale, and of entries in each.
pub(crate) const DUE: usize = 5;
pub(crate) const ENTRIES: usize = 4;

const MADE: &str = include_str!("made.sql");

/// Fills a schema with data of that scale.
pub(crate) async fn make(url: &str, schema: &str, scale: Scale) {
    let mut connection = connect(url, schema).await;
    let migrator = PgMigrator::new(SchemaName::parse(schema).unwrap());
    migrator.run(&mut connection).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    run(&mut tx, MADE.replace("$scale", &scale.0.to_string())).await;
    tx.commit().await.unwrap();
    // Does the work of autovacuum: visibility and statistics.
    for Table { name, .. } in tables(&mut connection, schema).await {
        run(&mut connection, format!("VACUUM (ANALYZE) {name}")).await;
    }
    connection.close().await.unwrap();
}

/// Returns the sizes of a schema's tables, with their indexes.
pub(crate) async fn sizes(url: &str, schema: &str) -> String {
    let mut connection = connect(url, schema).await;
    let mut sizes = format!("{:<16}{:>12}{:>12}{:>12}\n", "table", "rows", "MB", "of indexes");
    for Table { name, total, indexes } in tables(&mut connection, schema).await {
        let count = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {name}")));
        let rows: i64 = count.fetch_one(&mut connection).await.unwrap();
        writeln!(sizes, "{name:<16}{rows:>12}{total:>12.1}{indexes:>12.1}").unwrap();
    }
    connection.close().await.unwrap();
    sizes
}

/// Connects with a search path, so that statements need not name the schema.
async fn connect(url: &str, schema: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let settings = format!("SET search_path = {schema}, pg_temp; SET work_mem = '256MB'");
    run(&mut connection, settings).await;
    connection
}

async fn run(connection: &mut PgConnection, sql: String) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    sql.execute(connection).await.unwrap();
}

struct Table {
    name: String,
    /// In MB, with its indexes.
    total: f64,
    indexes: f64,
}

/// Returns the tables of a schema, largest first.
async fn tables(connection: &mut PgConnection, schema: &str) -> Vec<Table> {
    let tables = sqlx::query(
        "SELECT relname::text, pg_total_relation_size(oid) / 1e6::float8, pg_indexes_size(oid) / 1e6::float8
        FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'
        ORDER BY pg_total_relation_size(oid) DESC, relname",
    );
    let rows = tables.bind(schema).fetch_all(connection).await.unwrap();
    let tables = rows.iter().map(|row| Table {
        name: row.get(0),
        total: row.get(1),
        indexes: row.get(2),
    });
    tables.collect()
}
