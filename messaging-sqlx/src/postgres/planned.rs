//! Every statement goes by index, whatever the planner knows of the tables: the only plan that makes sense for its
//! text is one. Settings are PostgreSQL's own, but for the plan being one for any arguments.

use std::fmt::Write as _;

use messaging_test_postgres::Schema;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{PgMigrator, SchemaName, statements::Statements};

const MADE: &str = include_str!("planned.sql");

/// How many rows each table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// None, and none ever: nothing is known of the table.
    Empty,
    /// So many, and all is known that `ANALYZE` finds.
    Rows(u32),
    /// So many, but the queues were emptied, of all but one row, when they were analysed.
    EmptiedQueues(u32),
}

/// The tables whose rows are deleted soon after they were made.
const QUEUES: [&str; 3] = ["outbox", "lane", "unnumbered"];

/// What is executed in a transaction in which the planner is kept from scans.
const WITHOUT_SCANS: [&str; 1] = ["activity"];

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

    /// The tables that a statement would read from end to end, and the queues of which it would go through an index, by its
    /// plan for any arguments.
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
        let scans = with_next.filter(|(line, next)| is_scan(line, next));
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

/// Whether a line of a plan, with the next one, is of a scan of a table, or of a queue's index from end to end.
fn is_scan(line: &str, next: &str) -> bool {
    let is_of_queue = |queue: &&str| {
        let of = [format!(" on {queue}_"), format!(" on {queue} ")];
        of.iter().any(|of| line.contains(of))
    };
    let is_bounded = next.trim_start().starts_with("Index Cond:");
    let is_by_index = line.contains("Index Scan") || line.contains("Index Only Scan");
    line.contains("Seq Scan on ")
        || is_by_index && !is_bounded && QUEUES.iter().any(|queue| is_of_queue(&queue))
}

#[tokio::test]
async fn no_statement_scans_a_table_of_which_nothing_is_known() {
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
async fn no_statement_goes_through_all_that_was_deleted_from_a_queue() {
    Planner::with(Size::EmptiedQueues(10_000)).await.check().await;
}
