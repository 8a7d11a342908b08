//! Recounts of conversations.
//!
//! Each recount is one statement and so from one snapshot. No snapshot spans a whole chunk, which would block
//! checkpoints of the log, and only one conversation's numbers are in memory.

use async_trait::async_trait;
use messaging_core::{
    domain::side::PerSide,
    store::{LaneRecount, Recount, RecountScan, RecountStore, SideRecount, StoreError, Unpublished},
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    SqliteStore,
    error::failed,
    rows::{self, conversation_columns},
};
use crate::codes::limit;

#[async_trait]
impl RecountStore for SqliteStore {
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        const DOING: &str = "recounting conversations";
        let mut connection = self.reader(DOING).await?;
        list(&mut connection, scan).await.map_err(failed(DOING))
    }
}

/// Every id is larger than the empty blob, and none larger than the last one.
pub(super) const IDS: &str = "SELECT id FROM conversation
    WHERE id > COALESCE(?, x'') AND id <= COALESCE(?, x'ffffffffffffffffffffffffffffffff')
    ORDER BY id LIMIT ?";

/// Recounts conversation `?1`, so that each part is a range scan of a key.
pub(super) const RECOUNT: &str = concat!(
    "WITH counted AS MATERIALIZED (
        SELECT m.seq, m.created_at, m.to_sides & 1 AS to_client, m.to_sides >> 1 & 1 AS to_agent,
            m.client_position, SUM(m.to_sides & 1) OVER so_far AS client_count,
            m.agent_position, SUM(m.to_sides >> 1 & 1) OVER so_far AS agent_count,
            LAG(m.created_at, 1, (SELECT created_at FROM conversation WHERE id = ?1)) OVER so_far AS before
        FROM message m WHERE m.conversation_id = ?1
        WINDOW so_far AS (ORDER BY m.seq ROWS UNBOUNDED PRECEDING)
    ), noted AS (
        SELECT r.side, r.up_to_seq, r.position, r.read_at,
            LAG(r.read_at, 1, 0) OVER (PARTITION BY r.side ORDER BY r.up_to_seq) AS before
        FROM receipt r WHERE r.conversation_id = ?1
    ), checked AS (
        SELECT side, up_to_seq, seq IS NULL OR read_at < created_at OR read_at < noted.before
            OR position <> CASE side WHEN 1 THEN client_count ELSE agent_count END AS is_wrong
        FROM noted LEFT JOIN counted ON seq = up_to_seq
    ), receipts AS (
        SELECT MAX(up_to_seq) FILTER (WHERE side = 1) AS client_up_to,
            MAX(up_to_seq) FILTER (WHERE side = 2) AS agent_up_to,
            MIN(up_to_seq) FILTER (WHERE side = 1 AND is_wrong) AS client_wrong,
            MIN(up_to_seq) FILTER (WHERE side = 2 AND is_wrong) AS agent_wrong
        FROM checked
    ), messages AS (
        SELECT COUNT(*) AS messages, COALESCE(MAX(seq), 0) AS newest,
            MIN(seq) FILTER (WHERE created_at < before) AS untimely,
            COALESCE(SUM(to_client), 0) AS to_client, COALESCE(SUM(to_agent), 0) AS to_agent,
            COALESCE(SUM(to_client) FILTER (WHERE seq <= client_up_to), 0) AS seen_by_client,
            COALESCE(SUM(to_agent) FILTER (WHERE seq <= agent_up_to), 0) AS seen_by_agent,
            MIN(seq) FILTER (WHERE client_position <> client_count) AS client_misplaced,
            MIN(seq) FILTER (WHERE agent_position <> agent_count) AS agent_misplaced
        FROM receipts, counted
    ), unpublished AS (
        SELECT COUNT(*) AS waiting, MIN(number) AS first, MAX(number) AS last
        FROM outbox WHERE conversation_id = ?1
    ) SELECT ",
    conversation_columns!(),
    ", c.events, messages.*, receipts.*, unpublished.*,
        (SELECT created_at FROM message WHERE conversation_id = ?1 AND seq = newest) AS newest_at,
        (SELECT read_at FROM receipt WHERE conversation_id = ?1 AND side = 1 AND up_to_seq = client_up_to)
            AS client_up_to_at,
        (SELECT read_at FROM receipt WHERE conversation_id = ?1 AND side = 2 AND up_to_seq = agent_up_to)
            AS agent_up_to_at,
        (SELECT head FROM lane WHERE conversation_id = ?1) AS head
    FROM conversation c, messages, receipts, unpublished WHERE c.id = ?1"
);

async fn list(connection: &mut SqliteConnection, scan: &RecountScan) -> Result<Vec<Recount>, Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(IDS)
        .bind(scan.after.map(|id| id.as_uuid()))
        .bind(scan.up_to.map(|id| id.as_uuid()))
        .bind(limit(scan.limit))
        .fetch_all(&mut *connection)
        .await?;
    let mut recounts = Vec::with_capacity(ids.len());
    for id in ids {
        let row = sqlx::query(RECOUNT).bind(id).fetch_one(&mut *connection).await?;
        recounts.push(recount(&row)?);
    }
    Ok(recounts)
}

fn recount(row: &SqliteRow) -> Result<Recount, Error> {
    let newest_at: Option<i64> = row.try_get("newest_at")?;
    let (first, last): (Option<u64>, Option<u64>) = (row.try_get("first")?, row.try_get("last")?);
    let count = row.try_get("waiting")?;
    let head: Option<u64> = row.try_get("head")?;
    Ok(Recount::new(rows::conversation(row)?)
        .with_events(row.try_get("events")?)
        .with_messages(row.try_get("messages")?)
        .with_last_seq(row.try_get("newest")?)
        .with_newest_at(newest_at.map(Timestamp::from_millis))
        .with_first_untimely(row.try_get("untimely")?)
        .with_sides(PerSide {
            client: SideRecount::default()
                .with_addressed(row.try_get("to_client")?)
                .with_first_misplaced(row.try_get("client_misplaced")?)
                .with_read(row.try_get("seen_by_client")?)
                .with_last_receipt(rows::read_mark(row, "client_up_to", "client_up_to_at")?)
                .with_first_wrong_receipt(row.try_get("client_wrong")?),
            agent: SideRecount::default()
                .with_addressed(row.try_get("to_agent")?)
                .with_first_misplaced(row.try_get("agent_misplaced")?)
                .with_read(row.try_get("seen_by_agent")?)
                .with_last_receipt(rows::read_mark(row, "agent_up_to", "agent_up_to_at")?)
                .with_first_wrong_receipt(row.try_get("agent_wrong")?),
        })
        .with_unpublished(
            first
                .zip(last)
                .map(|(first, last)| Unpublished::new(first, last, count)),
        )
        .with_lane(head.map(LaneRecount::new)))
}
