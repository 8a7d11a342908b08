//! The statements of `docs/scaling.md` about splitting by client.

use messaging_core::id::{Bucket, ConversationId};
use messaging_testkit::make::{client_id, conversation_id};
use sqlx::AssertSqlSafe;

use crate::support::postgres::{Bench, each_step};

const SCALING: &str = include_str!("../../../../docs/scaling.md");

/// The bucket of a conversation, as the page computes it.
const EXPRESSION: &str =
    "(get_byte(uuid_send(conversation_id), 14) & 15) << 8 | get_byte(uuid_send(conversation_id), 15)";

/// The tables that the page copies with a row filter, and the columns that contain the bucket.
const FILTERED: [(&str, &[&str]); 3] = [
    ("id", &["conversation", "report"]),
    ("report_id", &["complaint", "evidence"]),
    (
        "conversation_id",
        &[
            "booking_link",
            "message",
            "receipt",
            "outbox",
            "lane",
            "dead_letter",
            "pushed",
        ],
    ),
];

#[tokio::test]
async fn the_bucket_computed_in_sql_equals_the_cores() {
    assert!(SCALING.contains(EXPRESSION));
    let mut session = Bench::new().await.session().await;
    for n in 0..50 {
        let bucket = Bucket::of_client(&client_id(n));
        let id = ConversationId::new(bucket.put_in(conversation_id(n).as_uuid()));
        let select = format!("SELECT {EXPRESSION} FROM (VALUES ($1)) v (conversation_id)");
        let found: i32 = sqlx::query_scalar(AssertSqlSafe(select))
            .bind(id.as_uuid())
            .fetch_one(&mut session.connection)
            .await
            .unwrap();
        assert_eq!(found, i32::from(bucket.number()), "client {n}");
    }
}

/// PostgreSQL refuses to update or delete a row if a filter names a column outside of the replica identity.
#[tokio::test]
async fn every_step_succeeds_during_logical_replication_of_some_buckets() {
    let bench = Bench::unmigrated();
    let store = bench.store();
    store.migrate().await.unwrap();
    let tables = FILTERED.iter().flat_map(|(column, tables)| {
        let filter = EXPRESSION.replace("conversation_id", column);
        tables
            .iter()
            .map(move |table| format!("messaging.{table} WHERE ({filter} < 2048)"))
    });
    let tables = tables.collect::<Vec<_>>().join(", ");
    let (mut session, name) = (bench.session().await, bench.name());
    session
        .run(&format!("CREATE PUBLICATION {name}_lower FOR TABLE {tables}"))
        .await;
    for step in each_step(&store).await {
        step.unwrap();
    }
    session.run(&format!("DROP PUBLICATION {name}_lower")).await;
}
