//! Loading the subjects of outbox entries for the relay.

use messaging_core::{
    domain::{receipt::Receipt, side::Side},
    id::{MessageId, UserId},
    store::{EntryKind, Lane, LoadedEntry, StoreError, Subject},
};
use sqlx::{Error, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    PgStore,
    by_index::few,
    error::{corrupt, failed},
    lanes::{self, entry_columns},
    rows::{self, booking_column, conversation_columns, maybe_time, message_row_columns},
};
use crate::codes::{limit, number};

/// `$1` conversations, `$2` heads, `$3` how many of each, `$4` how many ids of a receipt. Returns each entry
/// with the conversation, and with the message or the receipt that it names, if it exists.
pub(super) const ENTRIES: &str = concat!(
    "SELECT ",
    entry_columns!(),
    ", o.lost_access, ",
    conversation_columns!(),
    ", ",
    booking_column!(),
    ", ",
    message_row_columns!(),
    r#", (SELECT r.read_at FROM "messaging".receipt r WHERE o.kind = 2 AND r.conversation_id = c.id
            AND r.side = o.side AND r.up_to_seq = o.seq) AS receipt_at,
        CASE WHEN o.kind = 2 THEN ARRAY (SELECT covered.id FROM "messaging".message covered
            WHERE covered.conversation_id = c.id AND covered.seq <= o.seq AND covered.from_side = 3 - o.side
            AND covered.seq > COALESCE((SELECT r.up_to_seq FROM "messaging".receipt r
                WHERE r.conversation_id = c.id AND r.side = o.side AND r.up_to_seq < o.seq
                ORDER BY r.up_to_seq DESC LIMIT 1), 0)
            ORDER BY covered.seq DESC LIMIT $4) END AS newly_read
    FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS lane (conversation_id, head, place)
    JOIN "messaging".conversation c ON c.id = lane.conversation_id AND "#,
    few!("lane.place"),
    r#" CROSS JOIN LATERAL (SELECT * FROM "messaging".outbox o WHERE o.conversation_id = c.id
        AND o.number >= lane.head ORDER BY o.number LIMIT $3) o
    LEFT JOIN LATERAL (SELECT * FROM "messaging".message m WHERE o.kind = 1 AND m.conversation_id = c.id
        AND m.seq = o.seq LIMIT 1) m ON true
    ORDER BY lane.place, o.number"#
);

impl PgStore {
    pub(super) async fn entries(
        &self,
        lanes: &[Lane],
        per_lane: usize,
    ) -> Result<Vec<LoadedEntry>, StoreError> {
        const DOING: &str = "loading outbox entries";
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = lanes.iter().map(|lane| lane.conversation_id.as_uuid()).collect();
        let heads: Vec<_> = lanes.iter().map(|lane| number(lane.head)).collect();
        let statement = sqlx::query(self.0.statements.entries.clone())
            .bind(ids)
            .bind(heads)
            .bind(limit(per_lane))
            .bind(limit(Subject::MAX_READ_IDS));
        let found = self.read(DOING, statement).await?;
        let loaded = found.iter().filter_map(|row| loaded(row).transpose());
        loaded.collect::<Result<_, _>>().map_err(failed(DOING))
    }
}

/// Returns `None` for an entry whose subject does not exist.
fn loaded(row: &PgRow) -> Result<Option<LoadedEntry>, Error> {
    let entry = lanes::entry(row)?;
    let subject = match entry.kind {
        EntryKind::Message { .. } if !rows::has_message(row)? => return Ok(None),
        EntryKind::Message { .. } => Subject::Message(rows::message_row(row)?),
        EntryKind::Read { side, up_to_seq } => match read(row, side, up_to_seq)? {
            Some(read) => read,
            None => return Ok(None),
        },
        _ => Subject::Updated {
            booking_id: rows::booking_id(row)?,
        },
    };
    Ok(Some(
        LoadedEntry::new(entry, rows::conversation(row)?, subject).with_lost_access(lost_access(row)?),
    ))
}

fn lost_access(row: &PgRow) -> Result<Option<UserId>, Error> {
    let lost: Option<String> = row.try_get("lost_access")?;
    lost.map(|id| UserId::parse(&id).map_err(corrupt)).transpose()
}

fn read(row: &PgRow, side: Side, up_to_seq: u64) -> Result<Option<Subject>, Error> {
    let Some(read_at) = maybe_time(row, "receipt_at")? else {
        return Ok(None);
    };
    let newest_first: Vec<Uuid> = row.try_get("newly_read")?;
    Ok(Some(Subject::Read {
        receipt: Receipt::new(side, up_to_seq, read_at),
        message_ids: newest_first.into_iter().rev().map(MessageId::new).collect(),
    }))
}
