//! Activity counts, computed from the rows of a span of time.

use std::time::Duration;

use async_trait::async_trait;
use messaging_core::{
    AgentId,
    domain::activity::{Activity, ActivityCounter},
    store::{ActivityScan, ActivityStore, StoreError},
};
use sqlx::{Connection, Error, Row, SqliteConnection, sqlite::SqliteRow};

use super::{SqliteStore, error::failed, rows};
use crate::codes;

#[async_trait]
impl ActivityStore for SqliteStore {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        const DOING: &str = "counting activity";
        let mut connection = self.reader(DOING).await?;
        count(&mut connection, scan).await.map_err(failed(DOING))
    }
}

/// `?1` and `?2` the ends of the span, `?3` agent, or null for all, `?4` and `?5` the ids between which the
/// span's conversations lie; the same in all of these statements.
pub(super) const SENT: &str = "SELECT m.created_at AS at, m.sender_id AS user_id
    FROM message m JOIN conversation c ON c.id = m.conversation_id
    WHERE m.created_at >= ?1 AND m.created_at < ?2 AND m.from_side <> 0 AND (?3 IS NULL OR c.agent_id = ?3)";
pub(super) const READ: &str = "SELECT r.read_at AS at,
        CASE r.side WHEN 1 THEN c.client_id ELSE c.agent_user_id END AS user_id
    FROM receipt r JOIN conversation c ON c.id = r.conversation_id
    WHERE r.read_at >= ?1 AND r.read_at < ?2 AND (?3 IS NULL OR c.agent_id = ?3)";
pub(super) const OPENED: &str = "SELECT c.created_at AS at FROM conversation c
    WHERE c.id >= ?4 AND c.id < ?5 AND c.created_at >= ?1 AND c.created_at < ?2 AND (?3 IS NULL OR c.agent_id = ?3)";
/// The first reply to the first question, for each conversation in which the agent wrote within the span.
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

async fn count(connection: &mut SqliteConnection, scan: &ActivityScan) -> Result<Vec<Activity>, Error> {
    let mut tx = connection.begin().await?;
    let mut counter = ActivityCounter::new(&scan.buckets);
    for row in of_span(&mut tx, SENT, scan).await? {
        counter.sent(rows::time(&row, "at")?, rows::user_id(&row, "user_id")?);
    }
    for row in of_span(&mut tx, READ, scan).await? {
        counter.read(rows::time(&row, "at")?, rows::user_id(&row, "user_id")?);
    }
    for row in of_span(&mut tx, OPENED, scan).await? {
        counter.opened(rows::time(&row, "at")?);
    }
    for row in of_span(&mut tx, REPLIED, scan).await? {
        let wait = Duration::from_millis(row.try_get("wait")?);
        counter.replied(rows::time(&row, "at")?, wait);
    }
    Ok(counter.finish())
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
