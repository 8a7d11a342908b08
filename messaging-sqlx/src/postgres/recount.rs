//! Recounts of conversations.
//!
//! Each recount is part of one statement and so of one snapshot. Short conversations share a statement, so that
//! a statement exceeds its timeout only for a single very long conversation.

use async_trait::async_trait;
use messaging_core::{
    domain::{side::PerSide, unread::ReadMark},
    store::{LaneRecount, Recount, RecountScan, RecountStore, SideRecount, StoreError, Unpublished},
};
use sqlx::{Error, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    PgStore,
    by_index::few,
    error::failed,
    rows::{self, conversation_columns, count, maybe_count, maybe_time},
};
use crate::codes::limit;

/// `$1` after which id, `$2` up to which, `$3` limit. Every id lies between the two bounds that stand for none.
pub(super) const PAGE: &str = r#"SELECT id, last_seq FROM "messaging".conversation
    WHERE id > COALESCE($1::uuid, '00000000-0000-0000-0000-000000000000')
    AND id <= COALESCE($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY id LIMIT $3"#;

/// `$1` conversations.
pub(super) const RECOUNT: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#", c.events, r.*, u.*, l.head, l.tail,
        (SELECT x.created_at FROM "messaging".message x WHERE x.conversation_id = c.id AND x.seq = r.newest)
            AS newest_at,
        (SELECT x.read_at FROM "messaging".receipt x WHERE x.conversation_id = c.id AND x.side = 1
            AND x.up_to_seq = r.client_up_to) AS client_up_to_at,
        (SELECT x.read_at FROM "messaging".receipt x WHERE x.conversation_id = c.id AND x.side = 2
            AND x.up_to_seq = r.agent_up_to) AS agent_up_to_at
    FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
    CROSS JOIN LATERAL (SELECT * FROM "messaging".conversation c WHERE c.id = wanted.id LIMIT 1) c
    CROSS JOIN LATERAL (
        WITH counted AS MATERIALIZED (
            SELECT m.seq, m.created_at, m.to_sides & 1 AS to_client, m.to_sides >> 1 & 1 AS to_agent,
                m.client_position, SUM(m.to_sides & 1) OVER so_far AS client_count,
                m.agent_position, SUM(m.to_sides >> 1 & 1) OVER so_far AS agent_count,
                LAG(m.created_at, 1, c.created_at) OVER so_far AS before
            FROM "messaging".message m WHERE m.conversation_id = c.id
            WINDOW so_far AS (ORDER BY m.seq ROWS UNBOUNDED PRECEDING)
        ), noted AS (
            SELECT r.side, r.up_to_seq, r.position, r.read_at,
                LAG(r.read_at, 1, '-infinity') OVER (PARTITION BY r.side ORDER BY r.up_to_seq) AS before
            FROM "messaging".receipt r WHERE r.conversation_id = c.id
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
        )
        SELECT receipts.*, messages.* FROM receipts, LATERAL (
            SELECT COUNT(*) AS messages, COALESCE(MAX(seq), 0) AS newest,
                MIN(seq) FILTER (WHERE created_at < before) AS untimely,
                COALESCE(SUM(to_client), 0) AS to_client, COALESCE(SUM(to_agent), 0) AS to_agent,
                COALESCE(SUM(to_client) FILTER (WHERE seq <= client_up_to), 0) AS seen_by_client,
                COALESCE(SUM(to_agent) FILTER (WHERE seq <= agent_up_to), 0) AS seen_by_agent,
                MIN(seq) FILTER (WHERE client_position <> client_count) AS client_misplaced,
                MIN(seq) FILTER (WHERE agent_position <> agent_count) AS agent_misplaced
            FROM counted) messages
    ) r
    CROSS JOIN LATERAL (SELECT COUNT(*) AS waiting, MIN(number) AS first, MAX(number) AS last
        FROM "messaging".outbox WHERE conversation_id = c.id) u
    LEFT JOIN LATERAL (SELECT * FROM "messaging".lane l WHERE l.conversation_id = c.id LIMIT 1) l ON true
    WHERE "#,
    few!("wanted.place"),
    " ORDER BY c.id"
);

/// How many messages the conversations of one statement may hold in total, by their own count.
const MESSAGES_AT_ONCE: u64 = 20_000;

const DOING: &str = "recounting conversations";

#[async_trait]
impl RecountStore for PgStore {
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        let statement = sqlx::query(self.0.statements.recount_page.clone())
            .bind(scan.after.map(|id| id.as_uuid()))
            .bind(scan.up_to.map(|id| id.as_uuid()))
            .bind(limit(scan.limit));
        let found = self.read(DOING, statement).await?;
        let mut recounts = Vec::with_capacity(found.len());
        for ids in together(&found).map_err(failed(DOING))? {
            let statement = sqlx::query(self.0.statements.recount.clone()).bind(ids);
            let counted = self.read(DOING, statement).await?;
            for row in &counted {
                recounts.push(recount(row).map_err(failed(DOING))?);
            }
        }
        Ok(recounts)
    }
}

/// Groups conversations into statements.
fn together(found: &[PgRow]) -> Result<Vec<Vec<Uuid>>, Error> {
    let mut groups: Vec<Vec<Uuid>> = Vec::new();
    let mut messages = 0;
    for row in found {
        let (id, own) = (row.try_get("id")?, count(row, "last_seq")?);
        messages += own;
        match groups.last_mut() {
            Some(group) if messages <= MESSAGES_AT_ONCE => group.push(id),
            _ => {
                groups.push(vec![id]);
                messages = own;
            }
        }
    }
    Ok(groups)
}

fn recount(row: &PgRow) -> Result<Recount, Error> {
    let mark = |seq: &str, at: &str| -> Result<Option<ReadMark>, Error> {
        let mark = maybe_count(row, seq)?.zip(maybe_time(row, at)?);
        Ok(mark.map(|(up_to_seq, at)| ReadMark::new(up_to_seq, at)))
    };
    let first_and_last = maybe_count(row, "first")?.zip(maybe_count(row, "last")?);
    let entries = count(row, "waiting")?;
    Ok(Recount::new(rows::conversation(row)?)
        .with_events(count(row, "events")?)
        .with_messages(count(row, "messages")?)
        .with_last_seq(count(row, "newest")?)
        .with_newest_at(maybe_time(row, "newest_at")?)
        .with_first_untimely(maybe_count(row, "untimely")?)
        .with_sides(PerSide {
            client: SideRecount::default()
                .with_addressed(count(row, "to_client")?)
                .with_first_misplaced(maybe_count(row, "client_misplaced")?)
                .with_read(count(row, "seen_by_client")?)
                .with_last_receipt(mark("client_up_to", "client_up_to_at")?)
                .with_first_wrong_receipt(maybe_count(row, "client_wrong")?),
            agent: SideRecount::default()
                .with_addressed(count(row, "to_agent")?)
                .with_first_misplaced(maybe_count(row, "agent_misplaced")?)
                .with_read(count(row, "seen_by_agent")?)
                .with_last_receipt(mark("agent_up_to", "agent_up_to_at")?)
                .with_first_wrong_receipt(maybe_count(row, "agent_wrong")?),
        })
        .with_unpublished(first_and_last.map(|(first, last)| Unpublished::new(first, last, entries)))
        .with_lane(
            maybe_count(row, "head")?
                .zip(maybe_count(row, "tail")?)
                .map(|(head, tail)| LaneRecount::new(head).with_tail(Some(tail))),
        ))
}
