//! The statements of e-mail digests.
//!
//! Statements that lock conversations lock them by id, and lock no user row at the same time. The exception is
//! postponing, which waits for no conversation.

use super::{
    by_index::few,
    rows::{booking_column, conversation_columns, message_columns},
    target_locks::set_lock_timeout,
};

/// How many due sides are read for each wanted user: a user may have many.
pub(super) const SIDES_AT_ONCE: usize = 4;

/// `$1` worker, `$2` lease, `$3` now, `$4` limit, `$5` how many sides to read, `$6` how many seconds the clocks
/// may differ, null for any, `$7` when it was sent. Returns at least one row, with the database's clock and the number
/// of users that were due.
///
/// Of two concurrent claims of one user, the second waits for the first and then finds the lease: so a claim may find users
/// due and claim none of them.
pub(super) const CLAIM: &str = r#"
    WITH side AS (SELECT side.user_id, side.due_at FROM "messaging".conversation c
            CROSS JOIN LATERAL (VALUES (c.client_id, c.client_due_at), (c.agent_user_id, c.agent_due_at))
                AS side (user_id, due_at)
            WHERE LEAST(c.client_due_at, c.agent_due_at) <= $3 AND side.due_at <= $3
            AND COALESCE((SELECT r.until FROM "messaging".digest_user r WHERE r.user_id = side.user_id), $3) <= $3
            AND ($6::float8 IS NULL OR abs(extract(epoch FROM clock_timestamp() - $7)) <= $6)
            ORDER BY LEAST(c.client_due_at, c.agent_due_at) LIMIT $5),
        due AS MATERIALIZED (SELECT user_id, MIN(due_at) AS due_at FROM side
            GROUP BY user_id ORDER BY MIN(due_at), user_id LIMIT $4),
        claimed AS (INSERT INTO "messaging".digest_user AS r (user_id, owner, until)
            SELECT user_id, $1, $2 FROM due ORDER BY user_id
            ON CONFLICT (user_id) DO UPDATE SET owner = EXCLUDED.owner, until = EXCLUDED.until
                WHERE COALESCE(r.until, $3) <= $3
            RETURNING r.*)
    SELECT extract(epoch FROM clock_timestamp() - $7)::float8 AS skew, (SELECT count(*) FROM due) AS due, claimed.user_id, claimed.sent, claimed.deferrals,
        claimed.attempt_id, claimed.attempt_at,
        claimed.extent_conversations, claimed.extent_sides, claimed.extent_up_tos
    FROM (SELECT) AS always LEFT JOIN (claimed JOIN due ON due.user_id = claimed.user_id) ON true
    ORDER BY due.due_at, claimed.user_id"#;

/// The position up to which a side of `conversation AS c` is read or mailed, and a seq after which all unread
/// messages lie. The seq is a close bound: after the last message read, the side's positions grow no faster
/// than seqs.
macro_rules! read_or_mailed {
    ($side:literal) => {
        concat!(
            "GREATEST(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed) AS read_or_mailed,
            COALESCE(c.",
            $side,
            "_read_seq, 0) + GREATEST(c.",
            $side,
            "_mailed - c.",
            $side,
            "_read, 0) AS behind"
        )
    };
}

macro_rules! unmailed_of {
    ($side:literal, $code:literal, $user:literal) => {
        concat!(
            "SELECT c.id AS unmailed_id, c.",
            $user,
            " AS user_id, ",
            $code,
            "::smallint AS side, ",
            read_or_mailed!($side),
            r#" FROM wanted JOIN "messaging".conversation c ON c."#,
            $user,
            " = wanted.user_id
                AND c.",
            $side,
            "_unread AND c.",
            $side,
            "_received > c.",
            $side,
            "_mailed"
        )
    };
}

/// `$1` users.
pub(super) const UNMAILED: &str = concat!(
    "WITH wanted AS (SELECT DISTINCT user_id FROM unnest($1::text[]) WITH ORDINALITY AS w (user_id, place) WHERE ",
    few!("w.place"),
    ") SELECT ",
    conversation_columns!(),
    ", u.side, m.created_at AS oldest FROM (",
    unmailed_of!("client", "1", "client_id"),
    " UNION ALL ",
    unmailed_of!("agent", "2", "agent_user_id"),
    r#") u JOIN "messaging".conversation c ON c.id = u.unmailed_id
    CROSS JOIN LATERAL (SELECT m.created_at FROM "messaging".message m
        WHERE m.conversation_id = u.unmailed_id AND m.seq > u.behind AND m.to_sides & u.side <> 0
        AND CASE u.side WHEN 1 THEN m.client_position ELSE m.agent_position END > u.read_or_mailed
        ORDER BY m.seq LIMIT 1) m
    ORDER BY u.user_id, m.created_at, c.id, u.side"#
);

/// The lease of user `$1` by worker `$2` until `$3`.
macro_rules! under_lease {
    () => {
        "r.user_id = $1 AND r.owner = $2 AND r.until = $3"
    };
}

/// `$1` user, `$2` worker, `$3` lease, `$4` id, `$5` since when, `$6` to `$8` extents, `$9` now. Returns a row
/// on success.
pub(super) const RECORD: &str = concat!(
    r#"UPDATE "messaging".digest_user r SET attempt_id = $4, attempt_at = $5, extent_conversations = $6,
        extent_sides = $7, extent_up_tos = $8 WHERE r.until > $9 AND "#,
    under_lease!(),
    " RETURNING true AS is_done"
);

/// The messages `AS m` of an extent `e` that are neither read nor mailed and may be notified, as in
/// `policy::may_notify`: the host's own messages always; a person's unless the side blocks, the conversation is
/// closed, or the sender, and with it the text, was erased.
macro_rules! notifiable {
    () => {
        r#""messaging".message m
            WHERE m.conversation_id = c.id AND m.seq > s.behind AND s.read_or_mailed < e.up_to AND m.to_sides & e.side <> 0
            AND CASE e.side WHEN 1 THEN m.client_position ELSE m.agent_position END > s.read_or_mailed
            AND CASE e.side WHEN 1 THEN m.client_position ELSE m.agent_position END <= e.up_to
            AND (m.from_side = 0 OR c.blocked_by & e.side = 0 AND NOT c.closed AND m.body <> '')"#
    };
}

/// `$1` to `$3` extents, `$4` how many messages of each, `$5` how far to count. Returns a row for each message
/// to notify about, or one row for an extent without any.
pub(super) const EXCERPTS: &str = concat!(
    "SELECT e.side, e.up_to, e.place, ",
    conversation_columns!(),
    ", ",
    booking_column!(),
    ", ",
    message_columns!(),
    r#", (SELECT count(*) FROM (SELECT FROM "#,
    notifiable!(),
    r#" ORDER BY m.seq LIMIT $5) AS told) AS told
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) WITH ORDINALITY
        AS e (conversation_of, side, up_to, place)
    JOIN "messaging".conversation c ON c.id = e.conversation_of AND "#,
    few!("e.place"),
    r#" CROSS JOIN LATERAL (SELECT "#,
    read_or_mailed!("client"),
    " WHERE e.side = 1 UNION ALL SELECT ",
    read_or_mailed!("agent"),
    " WHERE e.side = 2) s
    LEFT JOIN LATERAL (SELECT m.* FROM ",
    notifiable!(),
    " ORDER BY m.seq LIMIT $4) m ON true
    ORDER BY e.place, m.seq"
);

/// The effect of an e-mail on one side of `conversation AS c`, if `said` covers it and it belongs to user `$1`.
macro_rules! mailed {
    ($side:literal, $user:literal) => {
        concat!(
            $side,
            "_mailed = CASE WHEN c.",
            $user,
            " = $1 AND said.",
            $side,
            "_up_to IS NOT NULL
                THEN GREATEST(c.",
            $side,
            "_mailed, LEAST(said.",
            $side,
            "_up_to, c.",
            $side,
            "_received))
                ELSE c.",
            $side,
            "_mailed END,
            ",
            $side,
            "_due_at = CASE WHEN c.",
            $user,
            " = $1 AND said.",
            $side,
            "_up_to IS NOT NULL
                THEN CASE WHEN c.",
            $side,
            "_received > GREATEST(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed, said.",
            $side,
            "_up_to) THEN $5::timestamptz END
                ELSE c.",
            $side,
            "_due_at END"
        )
    };
}

/// `$1` user, `$2` to `$4` extents, `$5` when later messages are due, `$6` how long it waits for each
/// conversation's row.
pub(super) const MARK_MAILED: &str = concat!(
    r#"WITH said AS (SELECT conversation_of, MAX(up_to) FILTER (WHERE side = 1) AS client_up_to,
            MAX(up_to) FILTER (WHERE side = 2) AS agent_up_to
            FROM unnest($2::uuid[], $3::smallint[], $4::bigint[]) WITH ORDINALITY
                AS e (conversation_of, side, up_to, place) WHERE "#,
    few!("e.place"),
    r#" GROUP BY 1),
        locked AS MATERIALIZED (SELECT c.id FROM "messaging".conversation c JOIN said ON c.id = said.conversation_of
            WHERE "#,
    set_lock_timeout!("$6"),
    r#" ORDER BY c.id FOR NO KEY UPDATE OF c)
    UPDATE "messaging".conversation c SET "#,
    mailed!("client", "client_id"),
    ", ",
    mailed!("agent", "agent_user_id"),
    " FROM locked JOIN said ON said.conversation_of = locked.id WHERE c.id = locked.id"
);

/// `$1` user, `$2` worker, `$3` lease, `$4` when the e-mail was sent, empty if it was not, `$5` how many to
/// remember. Returns a row on success.
pub(super) const FINISH: &str = concat!(
    r#"UPDATE "messaging".digest_user r SET owner = NULL, until = NULL, attempt_id = NULL, attempt_at = NULL,
        extent_conversations = NULL, extent_sides = NULL, extent_up_tos = NULL, deferrals = 0,
        sent = COALESCE((r.sent || $4::timestamptz[])[
            GREATEST(1, cardinality(r.sent) + cardinality($4::timestamptz[]) + 1 - $5::int):], '{}')
        WHERE "#,
    under_lease!(),
    " RETURNING true AS is_done"
);

/// `$1` users, `$2` workers, `$3` leases, `$4` until when, `$5` whether the attempt had no effect, `$6` whether
/// the mail server deferred it.
pub(super) const POSTPONE: &str = concat!(
    r#"WITH said AS (SELECT * FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::bool[],
                $6::bool[]) WITH ORDINALITY
            AS said (user_id, owner, lease_until, until, forgets, is_deferred, place) WHERE "#,
    few!("place"),
    r#"),
        mine AS MATERIALIZED (SELECT r.user_id, said.until, said.forgets, said.is_deferred FROM "messaging".digest_user r
            JOIN said ON said.user_id = r.user_id AND said.owner = r.owner AND said.lease_until = r.until
            ORDER BY r.user_id FOR UPDATE OF r),
        freed AS (UPDATE "messaging".digest_user r SET owner = NULL, until = NULL,
            deferrals = r.deferrals + mine.is_deferred::int,
            attempt_id = CASE WHEN NOT mine.forgets THEN r.attempt_id END,
            attempt_at = CASE WHEN NOT mine.forgets THEN r.attempt_at END,
            extent_conversations = CASE WHEN NOT mine.forgets THEN r.extent_conversations END,
            extent_sides = CASE WHEN NOT mine.forgets THEN r.extent_sides END,
            extent_up_tos = CASE WHEN NOT mine.forgets THEN r.extent_up_tos END
            FROM mine WHERE r.user_id = mine.user_id),
        early AS (
            SELECT c.id FROM mine JOIN "messaging".conversation c ON c.client_id = mine.user_id
                AND c.client_unread AND c.client_due_at < mine.until
            UNION
            SELECT c.id FROM mine JOIN "messaging".conversation c ON c.agent_user_id = mine.user_id
                AND c.agent_unread AND c.agent_due_at < mine.until),
        locked AS MATERIALIZED (SELECT c.id FROM "messaging".conversation c WHERE c.id IN (SELECT id FROM early)
            ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED)
    UPDATE "messaging".conversation c SET
        client_due_at = CASE WHEN c.client_due_at IS NOT NULL THEN
            GREATEST(c.client_due_at, (SELECT mine.until FROM mine WHERE mine.user_id = c.client_id)) END,
        agent_due_at = CASE WHEN c.agent_due_at IS NOT NULL THEN
            GREATEST(c.agent_due_at, (SELECT mine.until FROM mine WHERE mine.user_id = c.agent_user_id)) END
    FROM locked WHERE c.id = locked.id"#
);

/// `$1` conversation, `$2` side, `$3` seq, `$4` now, `$5` the time since which no push may have been admitted.
/// Returns a row if admitted.
pub(super) const ADMIT_PUSH: &str = r#"INSERT INTO "messaging".pushed AS p (conversation_id, side, seq, at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (conversation_id, side) DO UPDATE SET seq = EXCLUDED.seq, at = EXCLUDED.at
    WHERE p.seq < EXCLUDED.seq AND p.at <= $5 RETURNING true AS is_admitted"#;
