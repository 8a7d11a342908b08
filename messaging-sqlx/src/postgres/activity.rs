//! Activity counts over a span of time.
//!
//! Messages and receipts are stored almost in time order, so a block range index finds those of a span at
//! almost no cost per write. Conversations are found by their ids, which encode the opening time; an index on
//! that time would have to be maintained with every message. The cost of a count is proportional to the rows in
//! the span, not to the rows before it.

use std::time::Duration;

use async_trait::async_trait;
use messaging_core::{
    AgentId,
    domain::activity::{Activity, FirstReplies},
    store::{ActivityScan, ActivityStore, StoreError},
};
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};

use super::{
    PgStore,
    error::failed,
    rows::{self, instant},
};
use crate::codes;

#[async_trait]
impl ActivityStore for PgStore {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        const DOING: &str = "counting activity";
        let (begin, end) = scan.buckets.span();
        let (first, last) = codes::ids_of(begin, end);
        let bounds: Vec<DateTime<Utc>> = scan.buckets.bounds().iter().copied().map(instant).collect();
        let statement = sqlx::query(self.0.statements.activity.clone())
            .bind(bounds)
            .bind(instant(begin))
            .bind(instant(end))
            .bind(scan.agent_id.as_ref().map(AgentId::as_str))
            .bind(first)
            .bind(last);
        self.admit(DOING).await?;
        let counted = self.0.caller.rows_without_scans(DOING, statement).await?;
        let counted = counted.iter().map(activity);
        counted.collect::<Result<_, _>>().map_err(failed(DOING))
    }
}

/// Looks up conversations one by one, since the planner would prefer to scan the table. Executed in a
/// transaction that disables scans: the planner values a block range index only for large tables.
///
/// `$1` bounds of buckets, `$2` and `$3` the first and the last of them, `$4` agent, or null for all, `$5` and
/// `$6` the ids between which the span's conversations lie.
pub(super) const COUNT: &str = r#"
WITH sent AS MATERIALIZED (
    SELECT width_bucket(m.created_at, $1::timestamptz[]) AS n, m.conversation_id, m.from_side, m.sender_id
    FROM "messaging".message m
    WHERE m.created_at >= $2 AND m.created_at < $3 AND m.from_side <> 0
        AND ($4::text IS NULL
            OR $4 = (SELECT c.agent_id FROM "messaging".conversation c WHERE c.id = m.conversation_id))
), read AS (
    SELECT width_bucket(r.read_at, $1) AS n, (
        SELECT CASE r.side WHEN 1 THEN c.client_id ELSE c.agent_user_id END
        FROM "messaging".conversation c WHERE c.id = r.conversation_id
    ) AS user_id
    FROM "messaging".receipt r
    WHERE r.read_at >= $2 AND r.read_at < $3
        AND ($4 IS NULL OR $4 = (SELECT c.agent_id FROM "messaging".conversation c WHERE c.id = r.conversation_id))
), opened AS (
    SELECT width_bucket(c.created_at, $1) AS n, count(*) AS opened FROM "messaging".conversation c
    WHERE c.id >= $5 AND c.id < $6 AND c.created_at >= $2 AND c.created_at < $3 AND ($4 IS NULL OR c.agent_id = $4)
    GROUP BY 1
), counted AS (
    SELECT n, count(*) AS messages FROM sent GROUP BY n
), active AS (
    SELECT n, count(*) AS users FROM (SELECT n, sender_id FROM sent UNION SELECT n, user_id FROM read) did GROUP BY n
), replied AS (
    SELECT width_bucket(answer.created_at, $1) AS n,
        (EXTRACT(epoch FROM answer.created_at - question.created_at) * 1000)::bigint AS wait
    FROM (SELECT DISTINCT conversation_id FROM sent WHERE from_side = 2) s
    CROSS JOIN LATERAL (
        SELECT m.seq, m.created_at FROM "messaging".message m
        WHERE m.conversation_id = s.conversation_id AND m.from_side = 1 ORDER BY m.seq LIMIT 1
    ) question
    CROSS JOIN LATERAL (
        SELECT m.created_at FROM "messaging".message m
        WHERE m.conversation_id = s.conversation_id AND m.from_side = 2 AND m.seq > question.seq ORDER BY m.seq LIMIT 1
    ) answer
    WHERE answer.created_at >= $2 AND answer.created_at < $3
), waits AS (
    SELECT n, count(*) AS replies, percentile_disc(0.5) WITHIN GROUP (ORDER BY wait) AS median,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY wait) AS p95
    FROM replied GROUP BY n
)
SELECT COALESCE(messages, 0) AS messages, COALESCE(opened, 0) AS opened, COALESCE(users, 0) AS users,
    COALESCE(replies, 0) AS replies, median, p95
FROM generate_series(1, cardinality($1) - 1) n
LEFT JOIN counted USING (n) LEFT JOIN opened USING (n) LEFT JOIN active USING (n) LEFT JOIN waits USING (n)
ORDER BY n"#;

fn activity(row: &PgRow) -> Result<Activity, Error> {
    let wait = |column: &str| -> Result<Option<Duration>, Error> {
        let millis: Option<i64> = row.try_get(column)?;
        Ok(millis
            .and_then(|millis| u64::try_from(millis).ok())
            .map(Duration::from_millis))
    };
    Ok(Activity::default()
        .with_messages(rows::count(row, "messages")?)
        .with_opened(rows::count(row, "opened")?)
        .with_active_users(rows::count(row, "users")?)
        .with_first_replies(
            FirstReplies::default()
                .with_count(rows::count(row, "replies")?)
                .with_median(wait("median")?)
                .with_p95(wait("p95")?),
        ))
}
