use messaging_core::{
    domain::change::Change,
    id::UserId,
    store::{ChangeState, Changed, StoreError},
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::unread,
    lanes::{Ownership, publish},
    rows::instant,
    target_locks::{LockWait, set_lock_timeout},
};
use crate::codes::{side_code, sides_code};

/// `$1` conversation, `$2` owner, `$3` lease, `$4` access version, `$5` now, `$6` blocking sides, `$7` whether
/// it is closed, `$8` its agent's user, `$9` its client, `$10` sides whose digest is cancelled, `$11` the user
/// whose access ends, `$12` how long it waits for the conversation's row. Returns one row that tells whether it
/// changed, or none where the access version does not hold.
pub(super) const CHANGE_STATE: &str = concat!(
    r#"WITH before AS MATERIALIZED (SELECT c.id,
            (c.blocked_by, c.closed, c.agent_user_id, c.client_id) <> ($6::smallint, $7::bool, $8::text, $9::text) AS is_news
            FROM "messaging".conversation c WHERE c.id = $1 AND c.access_version = $4 AND "#,
    set_lock_timeout!("$12"),
    r#" FOR NO KEY UPDATE),
        changed AS (UPDATE "messaging".conversation c SET events = c.events + 1, access_version = c.access_version + 1,
        blocked_by = $6::smallint, closed = $7::bool, agent_user_id = $8::text, client_id = $9::text,
        client_due_at = CASE WHEN $10::smallint & 1 = 0 THEN c.client_due_at END,
        agent_due_at = CASE WHEN $10::smallint & 2 = 0 THEN c.agent_due_at END
        FROM before WHERE c.id = before.id AND before.is_news RETURNING c.id, c.events),
    "#,
    publish!("changed", "3, NULL::smallint, NULL::bigint, $5", "$11::text"),
    r#"SELECT before.is_news AS is_done, entry_number, is_new FROM before LEFT JOIN laned ON true"#
);

const DOING: &str = "changing a conversation";

impl PgStore {
    pub(super) async fn apply_change(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let ownership = self.ownership(step.publisher, step.now);
        let _writing = self.0.scan_watermark.writing_all(ownership.due().into_iter());
        let statement = |wait: LockWait| {
            let text = match &step.change {
                Change::Unlink(_) => &self.0.statements.unlink,
                _ => &self.0.statements.change_state,
            };
            let statement = sqlx::query(text.clone()).bind(step.conversation_id.as_uuid());
            let statement = ownership
                .bind(statement)
                .bind(i64::from(step.access_version))
                .bind(instant(step.now));
            let statement = match &step.change {
                Change::Unlink(booking) => statement.bind(booking.as_str()),
                _ => statement
                    .bind(sides_code(|side| *step.after.blocked_by.of(side)))
                    .bind(step.after.closed)
                    .bind(step.after.agent_user_id.as_str())
                    .bind(step.after.client_id.as_str())
                    .bind(step.not_due.map_or(0, side_code))
                    .bind(step.lost_access.as_ref().map(UserId::as_str)),
            };
            statement.bind(wait.setting())
        };
        let answered = self
            .write_serialized(DOING, step.conversation_id, statement)
            .await?;
        changed(answered.first(), step, ownership).map_err(unread(DOING))
    }
}

fn changed(row: Option<&PgRow>, step: &ChangeState, ownership: Ownership) -> Result<Changed, Error> {
    Ok(match row {
        None => Changed::Conflict,
        Some(row) if row.try_get("is_done")? => {
            Changed::Done(ownership.committed(row, step.conversation_id)?)
        }
        Some(_) => Changed::AlreadySo,
    })
}
