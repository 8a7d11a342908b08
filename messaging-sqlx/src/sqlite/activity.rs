//! How much goes on, counted from the rows of the span.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use messaging_core::{
    AgentId,
    domain::activity::{Activity, Buckets, FirstReplies},
    port::store::{Activities, ActivityScan, StoreError},
    time::Timestamp,
};
use sqlx::{Connection, Error, Row, SqliteConnection, sqlite::SqliteRow};

use super::{SqliteStore, error::failed, rows};
use crate::codes;

#[async_trait]
impl Activities for SqliteStore {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        const DOING: &str = "counting activity";
        let mut connection = self.reader(DOING).await?;
        count(&mut connection, scan).await.map_err(failed(DOING))
    }
}

/// `?1` and `?2` the ends of the span, `?3` agent, or all if that is null, `?4` and `?5` between which ids its
/// conversations lie; so in all of these.
pub(super) const SENT: &str = "SELECT m.created_at AS at, m.sender_id AS user_id
    FROM message m JOIN conversation c ON c.id = m.conversation_id
    WHERE m.created_at >= ?1 AND m.created_at < ?2 AND m.from_side <> 0 AND (?3 IS NULL OR c.agent_id = ?3)";
pub(super) const READ: &str = "SELECT r.read_at AS at,
        CASE r.side WHEN 1 THEN c.client_id ELSE c.agent_user_id END AS user_id
    FROM receipt r JOIN conversation c ON c.id = r.conversation_id
    WHERE r.read_at >= ?1 AND r.read_at < ?2 AND (?3 IS NULL OR c.agent_id = ?3)";
pub(super) const OPENED: &str = "SELECT c.created_at AS at FROM conversation c
    WHERE c.id >= ?4 AND c.id < ?5 AND c.created_at >= ?1 AND c.created_at < ?2 AND (?3 IS NULL OR c.agent_id = ?3)";
/// For each conversation in which the agent wrote within the span, the first answer to the first question.
pub(super) const REPLIED: &str = "SELECT answer.created_at AS at, answer.created_at - question.created_at AS wait
    FROM (
        SELECT DISTINCT m.conversation_id AS id FROM message m JOIN conversation c ON c.id = m.conversation_id
        WHERE m.created_at >= ?1 AND m.created_at < ?2 AND m.from_side = 2 AND (?3 IS NULL OR c.agent_id = ?3)
    ) s
    JOIN message question ON question.conversation_id = s.id AND question.seq = (
        SELECT m.seq FROM message m WHERE m.conversation_id = s.id AND m.from_side = 1 ORDER BY m.seq LIMIT 1)
    JOIN message answer ON answer.conversation_id = s.id AND answer.seq = (
        SELECT m.seq FROM message m WHERE m.conversation_id = s.id AND m.from_side = 2 AND m.seq > question.seq
        ORDER BY m.seq LIMIT 1)";

/// What is counted of a bucket.
#[derive(Default)]
struct Counted {
    messages: u64,
    opened: u64,
    active: BTreeSet<String>,
    waits: Vec<Duration>,
}

async fn count(connection: &mut SqliteConnection, scan: &ActivityScan) -> Result<Vec<Activity>, Error> {
    let mut tx = connection.begin().await?;
    let mut counted: Vec<_> = (0..scan.buckets.count()).map(|_| Counted::default()).collect();
    for row in of_span(&mut tx, SENT, scan).await? {
        if let Some(bucket) = bucket(&mut counted, &scan.buckets, rows::time(&row, "at")?) {
            bucket.messages += 1;
            bucket.active.insert(row.try_get("user_id")?);
        }
    }
    for row in of_span(&mut tx, READ, scan).await? {
        if let Some(bucket) = bucket(&mut counted, &scan.buckets, rows::time(&row, "at")?) {
            bucket.active.insert(row.try_get("user_id")?);
        }
    }
    for row in of_span(&mut tx, OPENED, scan).await? {
        if let Some(bucket) = bucket(&mut counted, &scan.buckets, rows::time(&row, "at")?) {
            bucket.opened += 1;
        }
    }
    for row in of_span(&mut tx, REPLIED, scan).await? {
        if let Some(bucket) = bucket(&mut counted, &scan.buckets, rows::time(&row, "at")?) {
            bucket.waits.push(Duration::from_millis(row.try_get("wait")?));
        }
    }
    Ok(counted.into_iter().map(Into::into).collect())
}

async fn of_span(
    tx: &mut SqliteConnection,
    sql: &'static str,
    scan: &ActivityScan,
) -> Result<Vec<SqliteRow>, Error> {
    let (begin, end) = scan.buckets.span();
    let (first, last) = codes::ids_of(begin, end);
    sqlx::query(sql)
        .bind(begin.as_millis())
        .bind(end.as_millis())
        .bind(scan.agent_id.as_ref().map(AgentId::as_str))
        .bind(first)
        .bind(last)
        .fetch_all(tx)
        .await
}

fn bucket<'a>(counted: &'a mut [Counted], buckets: &Buckets, at: Timestamp) -> Option<&'a mut Counted> {
    counted.get_mut(buckets.position(at)?)
}

impl From<Counted> for Activity {
    fn from(counted: Counted) -> Self {
        Self {
            messages: counted.messages,
            opened: counted.opened,
            active_users: counted.active.len() as u64,
            first_replies: FirstReplies::of(counted.waits),
        }
    }
}
