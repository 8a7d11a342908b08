//! Unlinking a booking.

use messaging_core::store::{StoreError, UnlinkBooking, Unlinked};
use sqlx::{Error, postgres::PgRow};

use super::{
    PgStore,
    error::unread,
    lanes::{Ownership, publish},
    rows::instant,
    turns::{LockWait, waits},
};

/// `$1` conversation, `$2` owner, `$3` lease, `$4` now, `$5` booking, `$6` how long it waits for the conversation's row.
/// One row, or none where it is not linked. The conversation is locked first, as by every step that changes it.
pub(super) const UNLINK: &str = concat!(
    r#"WITH held AS MATERIALIZED (SELECT c.id FROM "messaging".conversation c WHERE c.id = $1 AND "#,
    waits!("$6"),
    r#" FOR NO KEY UPDATE),
        unlinked AS (DELETE FROM "messaging".booking_link l USING held
            WHERE l.conversation_id = held.id AND l.booking_id = $5 RETURNING l.conversation_id AS id),
        changed AS (UPDATE "messaging".conversation c SET events = c.events + 1, access_version = c.access_version + 1
            FROM unlinked WHERE c.id = unlinked.id RETURNING c.id, c.events),
    "#,
    publish!("changed", "3, NULL::smallint, NULL::bigint, $4::timestamptz"),
    "SELECT head, is_new FROM changed LEFT JOIN laned ON true"
);

const DOING: &str = "unlinking a booking";

impl PgStore {
    pub(super) async fn unlink(&self, step: &UnlinkBooking) -> Result<Unlinked, StoreError> {
        let ownership = self.ownership(step.publisher, step.now);
        let statement = |wait: LockWait| {
            let statement =
                sqlx::query(self.0.statements.unlink.clone()).bind(step.conversation_id.as_uuid());
            ownership
                .bind(statement)
                .bind(instant(step.now))
                .bind(step.booking_id.as_str())
                .bind(wait.setting())
        };
        let answered = self.write_in_turn(DOING, step.conversation_id, statement).await?;
        unlinked(answered.first(), step, ownership).map_err(unread(DOING))
    }
}

fn unlinked(row: Option<&PgRow>, step: &UnlinkBooking, ownership: Ownership) -> Result<Unlinked, Error> {
    Ok(match row {
        None => Unlinked::NotLinked,
        Some(row) => Unlinked::Done {
            lane: ownership.given(row, step.conversation_id)?,
        },
    })
}
