//! Tests that every statement uses indexes, whatever the planner's statistics say. All planner settings are
//! PostgreSQL's defaults, except that generic plans are forced.

use std::fmt::Write as _;

use messaging_test_postgres::Schema;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{PgMigrator, SchemaName, statements::Statements};

const MADE: &str = include_str!("planned.sql");

/// How many rows each table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// None, without statistics.
    Empty,
    /// The given number, with the statistics of `ANALYZE`.
    Rows(u32),
    /// The given number, but the queues were analysed when they held one row.
    EmptiedQueues(u32),
}

/// The tables whose rows are deleted soon after their insertion, and their indexes with the leading columns.
const QUEUES: [&str; 3] = ["outbox", "lane", "unnumbered"];
const QUEUE_INDEXES: [QueueIndex; 4] = [
    QueueIndex::new("outbox_pkey", "conversation_id"),
    QueueIndex::new("lane_pkey", "conversation_id"),
    QueueIndex::new("lane_due", "until"),
    QueueIndex::new("unnumbered_pkey", "at"),
];

#[derive(Debug, Clone, Copy)]
struct QueueIndex {
    name: &'static str,
    leading: &'static str,
}

impl QueueIndex {
    const fn new(name: &'static str, leading: &'static str) -> Self {
        Self { name, leading }
    }

    /// Whether a line of a plan, with the next one, scans this index without a condition on its leading column.
    fn is_scanned(self, line: &str, next: &str) -> bool {
        let Self { name, leading } = self;
        let is_used = [format!(" using {name} on "), format!(" on {name} ")];
        let is_used = is_used.iter().any(|used| line.contains(used));
        is_used && !(next.trim_start().starts_with("Index Cond:") && next.contains(leading))
    }
}

/// The statements that may look up a lane by its conversation in the index of due lanes: for two indexes with
/// an estimate of one row each, the planner's choice is arbitrary. Both statements are rare and read few rows.
const BY_EITHER_INDEX: [&str; 2] = ["backlog", "recount"];

/// The statements that are executed with scans disabled.
const WITHOUT_SCANS: [&str; 1] = ["activity"];

/// The statements that compare each of several rows with each of others by a join. The number of the rows is bounded: by
/// that of a round, a claim, a chunk or a report.
const COMPARING: [&str; 10] = [
    "append_many",
    "append_many_waiting",
    "claim",
    "claim_digests",
    "file_report",
    "mark_mailed",
    "move_to_dead_letters",
    "number",
    "recount",
    "unlink",
];

struct Planner {
    connection: PgConnection,
    name: SchemaName,
    _schema: Schema,
}

impl Planner {
    async fn with(size: Size) -> Self {
        let schema = Schema::fresh();
        let name = SchemaName::parse(schema.name()).unwrap();
        let mut connection = PgConnection::connect(schema.url()).await.unwrap();
        PgMigrator::new(name.clone()).run(&mut connection).await.unwrap();
        let mut planner = Self {
            connection,
            name,
            _schema: schema,
        };
        if let Size::Rows(rows) | Size::EmptiedQueues(rows) = size {
            let made = planner
                .name
                .fill(MADE)
                .as_str()
                .replace("$rows", &rows.to_string());
            planner.run(made).await;
        }
        if let Size::EmptiedQueues(_) = size {
            for queue in QUEUES {
                let emptied = r#"DELETE FROM "messaging".$queue q WHERE ctid <> (SELECT MAX(ctid) FROM "messaging".$queue);
                    ANALYZE "messaging".$queue;"#;
                let emptied = planner.name.fill(emptied).as_str().replace("$queue", queue);
                planner.run(emptied).await;
            }
        }
        planner
            .run("SET plan_cache_mode = force_generic_plan".to_owned())
            .await;
        planner
    }

    async fn run(&mut self, sql: String) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        sql.execute(&mut self.connection).await.unwrap();
    }

    /// The tables that a statement's generic plan scans, the queues whose index it scans without a condition, and the joins
    /// that compare all rows.
    async fn scanned(&mut self, name: &str, sql: &str) -> Vec<String> {
        self.run(format!("PREPARE planned AS {sql}")).await;
        let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'planned'";
        let count: i32 = sqlx::query_scalar(count)
            .persistent(false)
            .fetch_one(&mut self.connection)
            .await
            .unwrap();
        let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
        let arguments = if nulls.is_empty() {
            nulls
        } else {
            format!("({nulls})")
        };
        let setting = if WITHOUT_SCANS.contains(&name) {
            "off"
        } else {
            "on"
        };
        let explain = format!(
            "SET enable_seqscan = {setting}; EXPLAIN EXECUTE planned{arguments}; SET enable_seqscan = on"
        );
        let lines = sqlx::raw_sql(AssertSqlSafe(explain))
            .fetch_all(&mut self.connection)
            .await
            .unwrap();
        self.run("DEALLOCATE planned".to_owned()).await;
        let lines: Vec<String> = lines.iter().map(|row| row.get_unchecked(0)).collect();
        let below = lines.iter().skip(1).map(String::as_str).chain([""]);
        let with_next = lines.iter().zip(below);
        let leads = |index: &QueueIndex| !(index.name == "lane_due" && BY_EITHER_INDEX.contains(&name));
        let indexes: Vec<QueueIndex> = QUEUE_INDEXES.into_iter().filter(leads).collect();
        let compares = !COMPARING.contains(&name);
        let scans =
            with_next.filter(|(line, next)| is_scan(line, next, &indexes) || compares && is_comparison(line));
        scans.map(|(line, _)| line.clone()).collect()
    }

    async fn check(mut self) {
        let mut found = String::new();
        let statements = Statements::new(&self.name);
        for (name, sql) in statements.all() {
            for scan in self.scanned(name, sql.as_str()).await {
                writeln!(found, "{name}: {}", scan.trim()).unwrap();
            }
        }
        assert!(found.is_empty(), "\n{found}");
    }
}

/// Whether a line of a plan, with the next one, is a scan of a table, or of one of these indexes.
fn is_scan(line: &str, next: &str, indexes: &[QueueIndex]) -> bool {
    line.contains("Seq Scan on ") || indexes.iter().any(|index| index.is_scanned(line, next))
}

/// Whether a line of a plan says that a join compares each row with each other one.
fn is_comparison(line: &str) -> bool {
    line.trim_start().starts_with("Join Filter:") && line.contains(" = ")
}

#[test]
fn a_join_that_compares_all_rows_is_detected() {
    assert!(is_comparison("    Join Filter: (mine.place = said.place)"));
    assert!(!is_comparison("    Join Filter: (c.client_read < t.position)"));
    assert!(!is_comparison("    Hash Cond: (mine.place = said.place)"));
}

#[test]
fn a_scan_of_a_queue_index_is_detected() {
    let line = "->  Index Scan using outbox_pkey on outbox o  (cost=0.25..8.26 rows=1 width=30)";
    let bitmap = "->  Bitmap Index Scan on lane_due  (cost=0.00..5.05 rows=90 width=0)";
    let is_scan = |line, next| is_scan(line, next, &QUEUE_INDEXES);
    assert!(is_scan(line, "  Filter: (number >= 1)"));
    assert!(is_scan(line, "  Index Cond: (number >= done.head)"));
    assert!(!is_scan(
        line,
        "  Index Cond: (conversation_id = done.conversation_id)"
    ));
    assert!(is_scan(bitmap, ""));
    assert!(!is_scan(bitmap, "  Index Cond: (until <= $3)"));
}

#[tokio::test]
async fn no_statement_scans_a_table_without_statistics() {
    Planner::with(Size::Empty).await.check().await;
}

#[tokio::test]
async fn no_statement_scans_a_table_of_a_thousand_rows() {
    Planner::with(Size::Rows(1_000)).await.check().await;
}

#[tokio::test]
async fn no_statement_scans_a_table_of_a_million_rows() {
    Planner::with(Size::Rows(1_000_000)).await.check().await;
}

#[tokio::test]
async fn no_statement_scans_deleted_queue_rows() {
    Planner::with(Size::EmptiedQueues(10_000)).await.check().await;
}
