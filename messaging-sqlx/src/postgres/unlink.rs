//! Unlinking a booking.

use super::{lanes::publish, target_locks::set_lock_timeout};

/// `$1` conversation, `$2` owner, `$3` lease, `$4` access version, `$5` now, `$6` booking, `$7` how long it
/// waits for the conversation's row. Returns one row that tells whether the booking was linked, or none where
/// the access version does not hold. The conversation is locked first, as in every step that changes it.
pub(super) const UNLINK: &str = concat!(
    r#"WITH held AS MATERIALIZED (SELECT c.id FROM "messaging".conversation c
            WHERE c.id = $1 AND c.access_version = $4 AND "#,
    set_lock_timeout!("$7"),
    r#" FOR NO KEY UPDATE),
        unlinked AS (DELETE FROM "messaging".booking_link l USING held
            WHERE l.conversation_id = held.id AND l.booking_id = $6 RETURNING l.conversation_id AS id),
        changed AS (UPDATE "messaging".conversation c SET events = c.events + 1, access_version = c.access_version + 1
            FROM unlinked WHERE c.id = unlinked.id RETURNING c.id, c.events),
    "#,
    publish!("changed", "3, NULL::smallint, NULL::bigint, $5::timestamptz"),
    "SELECT changed.id IS NOT NULL AS is_done, entry_number, is_new
        FROM held LEFT JOIN changed ON true LEFT JOIN laned ON true"
);
