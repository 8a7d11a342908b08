use messaging_core::{
    domain::{
        receipt::Receipt,
        side::PerSide,
        unread::{ReadMark, UnreadCounter},
    },
    store::{MarkRead, Marked, Moved, StoreError, StoreErrorKind},
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::{corrupt, unread},
    lanes::{Ownership, publish},
    moment::moment,
    rows::{count, instant, maybe_time},
    target_locks::{LockWait, set_lock_timeout},
};

/// `$1` conversation, `$2` owner, `$3` lease, `$4` access version, `$5` message, `$6` now, `$7` how many
/// seconds that may be ahead, `$8` how long it waits for the conversation's row. Returns one row with the
/// outcome, or none where the access version does not hold.
///
/// Where the position did not move, the last part tells why, by this statement's snapshot: the side had read as
/// far, or it had not and a concurrent step has moved the position since.
macro_rules! mark_read {
    ($side:literal, $code:literal) => {
        concat!(
            "WITH target AS (SELECT seq, ", $side, r#"_position AS position FROM "messaging".message
                WHERE conversation_id = $1 AND id = $5),
            moved AS (UPDATE "messaging".conversation c SET events = c.events + 1,
                "#, $side, "_read = t.position, ", $side, "_read_seq = t.seq,
                ", $side, "_read_at = GREATEST(", moment!("$6", "$7"), ", c.activity_at, c.", $side, "_read_at),
                ", $side, "_due_at = CASE WHEN t.position < c.", $side, "_received THEN c.", $side, "_due_at END
                FROM target t WHERE c.id = $1 AND c.access_version = $4 AND c.", $side, "_read < t.position
                AND ", set_lock_timeout!("$8"), "
                RETURNING c.id, c.events, c.", $side, "_received AS received, c.", $side, "_read AS read,
                    c.", $side, "_read_seq AS read_seq, c.", $side, r#"_read_at AS read_at),
            receipt AS (INSERT INTO "messaging".receipt (conversation_id, side, up_to_seq, position, read_at)
                SELECT id, "#, $code, ", read_seq, read, read_at FROM moved),
            ",
            publish!("moved", concat!("2, ", $code, "::smallint, read_seq, read_at")),
            "SELECT 'moved' AS outcome, received, read, read_seq, read_at, entry_number, is_new, read_at AS first_read_at
                FROM moved LEFT JOIN laned ON true
            UNION ALL
            SELECT CASE WHEN t.seq IS NULL THEN 'unknown' WHEN c.", $side, "_read >= t.position THEN 'already'
                    ELSE 'lost' END,
                c.", $side, "_received, c.", $side, "_read, c.", $side, "_read_seq, c.", $side, r#"_read_at,
                NULL, NULL, CASE WHEN t.position > 0 THEN (SELECT r.read_at FROM "messaging".receipt r
                    WHERE r.conversation_id = $1 AND r.side = "#, $code, r#" AND r.position >= t.position
                    ORDER BY r.position LIMIT 1) END
                FROM "messaging".conversation c LEFT JOIN target t ON true
                WHERE c.id = $1 AND c.access_version = $4 AND NOT EXISTS (SELECT FROM moved)"#
        )
    };
}

pub(super) const MARK_READ: PerSide<&str> = PerSide {
    client: mark_read!("client", "1"),
    agent: mark_read!("agent", "2"),
};

const DOING: &str = "marking messages read";

/// How often a step that lost against another read of its side is repeated: each loss moves the position.
const MAX_REPEATS: usize = 8;

impl PgStore {
    pub(super) async fn move_read_position(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        let ownership = self.ownership(step.publisher, step.now);
        let _writing = self.0.scan_watermark.writing_all(ownership.due().into_iter());
        for _ in 0..MAX_REPEATS {
            let statement = |wait: LockWait| {
                let statement = sqlx::query(self.0.statements.mark_read.of(step.side).clone())
                    .bind(step.conversation_id.as_uuid());
                ownership
                    .bind(statement)
                    .bind(i64::from(step.access_version))
                    .bind(step.up_to.as_uuid())
                    .bind(instant(step.now))
                    .bind(self.max_ahead())
                    .bind(wait.setting())
            };
            let answered = self
                .write_serialized(DOING, step.conversation_id, statement)
                .await?;
            let marked = marked(answered.first(), step, ownership).map_err(unread(DOING))?;
            if let Some(marked) = marked {
                return Ok(marked);
            }
        }
        Err(StoreError::new(StoreErrorKind::Retry, DOING))
    }
}

/// Reads the outcome; `None` when the position was moved concurrently, though not as far as the message.
fn marked(row: Option<&PgRow>, step: &MarkRead, ownership: Ownership) -> Result<Option<Marked>, Error> {
    let Some(row) = row else {
        return Ok(Some(Marked::Conflict));
    };
    let marked = match row.try_get("outcome")? {
        "moved" => {
            let counter = counter(row)?;
            let mark = counter
                .last_read
                .ok_or_else(|| corrupt("a position moved without a receipt"))?;
            Marked::Moved(Moved::new(
                Receipt::new(step.side, mark.up_to_seq, mark.at),
                counter,
                ownership.committed(row, step.conversation_id)?,
            ))
        }
        "already" => Marked::Already {
            counter: counter(row)?,
            read_at: maybe_time(row, "first_read_at")?,
        },
        "unknown" => Marked::UnknownMessage,
        _ => return Ok(None),
    };
    Ok(Some(marked))
}

fn counter(row: &PgRow) -> Result<UnreadCounter, Error> {
    let has_read = row.try_get::<Option<i64>, _>("read_seq")?.is_some();
    let mark = || -> Result<Option<ReadMark>, Error> {
        let up_to_seq = count(row, "read_seq")?;
        Ok(maybe_time(row, "read_at")?.map(|at| ReadMark::new(up_to_seq, at)))
    };
    Ok(UnreadCounter::default()
        .with_received(count(row, "received")?)
        .with_read(count(row, "read")?)
        .with_last_read(if has_read { mark()? } else { None }))
}
