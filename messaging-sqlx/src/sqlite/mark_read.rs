use messaging_core::{
    domain::{receipt::Receipt, side::Side},
    id::ConversationId,
    store::{EntryKind, MarkRead, Marked, Moved},
    time::Timestamp,
};
use sqlx::{Error, SqliteConnection};

use super::{conversation_rows, history, lanes::Event, writer::Step};
use crate::codes::{number, side_code};

impl Step for MarkRead {
    type Answer = Marked;
    const DOING: &'static str = "marking messages read";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Marked, Error> {
        let id = self.conversation_id;
        let found = conversation_rows::find(tx, id).await?;
        let Some(mut conversation) = found.filter(|found| found.access_version == self.access_version) else {
            return Ok(Marked::Conflict);
        };
        let Some(up_to) = history::find(tx, id, self.up_to).await? else {
            return Ok(Marked::UnknownMessage);
        };
        let receipt = conversation.read(self.side, &up_to, self.now);
        let counter = *conversation.counters.of(self.side);
        let Some(receipt) = receipt else {
            let read_at = first_covering(tx, id, self.side, *up_to.positions.of(self.side)).await?;
            return Ok(Marked::Already { counter, read_at });
        };
        conversation_rows::save(tx, &conversation).await?;
        insert(tx, id, &receipt, counter.read).await?;

        let event = Event {
            of: id,
            kind: EntryKind::Read {
                side: receipt.side,
                up_to_seq: receipt.up_to_seq,
            },
            at: receipt.read_at,
            now: self.now,
            publisher: self.publisher,
            lost_access: None,
        };
        let entry = event.commit(tx).await?;
        Ok(Marked::Moved(Moved::new(receipt, counter, entry)))
    }
}

pub(super) const INSERT: &str =
    "INSERT INTO receipt (conversation_id, side, up_to_seq, position, read_at) VALUES (?, ?, ?, ?, ?)";
pub(super) const FIRST_COVERING: &str = "SELECT read_at FROM receipt
    WHERE conversation_id = ? AND side = ? AND position >= ? ORDER BY position LIMIT 1";

async fn insert(
    tx: &mut SqliteConnection,
    id: ConversationId,
    receipt: &Receipt,
    position: u64,
) -> Result<(), Error> {
    sqlx::query(INSERT)
        .bind(id.as_uuid())
        .bind(side_code(receipt.side))
        .bind(number(receipt.up_to_seq))
        .bind(number(position))
        .bind(receipt.read_at.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// When a side first read up to one of its received positions; `None` for position 0, which has no message.
///
/// By position and not by seq: the receipt covers the newest message *addressed to the side*, which may precede
/// the named message by any number of messages.
async fn first_covering(
    tx: &mut SqliteConnection,
    id: ConversationId,
    side: Side,
    position: u64,
) -> Result<Option<Timestamp>, Error> {
    if position == 0 {
        return Ok(None);
    }
    let at: Option<i64> = sqlx::query_scalar(FIRST_COVERING)
        .bind(id.as_uuid())
        .bind(side_code(side))
        .bind(number(position))
        .fetch_optional(tx)
        .await?;
    Ok(at.map(Timestamp::from_millis))
}
