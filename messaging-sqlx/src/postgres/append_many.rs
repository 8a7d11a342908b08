use messaging_core::{
    domain::message::{IdempotencyKey, MessageExtras},
    store::{Append, Appended},
};
use sqlx::{
    Error, Row as _,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    PgStore,
    append::{self, IfLocked},
    error::{Failure, corrupt},
    lanes::Ownership,
    moment::{moment, moment_after},
    rows::{conversation_columns, instant, message_row_columns},
};
use crate::codes::{origin_code, sender_code, sides_code};

/// The statement; `$locking` is the lock clause for conversations that another transaction has locked.
///
/// Takes an array of each argument of [`APPEND`](append::APPEND), in the same order, except the last, which is
/// one value for all. Returns one row per message, with its position in the arrays, from 1. A stored message
/// comes with the conversation as it was then, as if the messages had been appended one by one in this order. A
/// duplicate comes with the message of its key. Otherwise both are null, and `is_locked` tells whether the
/// access version did not hold. No key and no id may occur twice: the unique index would refuse them all.
///
/// The counters are computed from the locked rows, so the locks are taken before everything else, by id.
macro_rules! append_many {
    ($locking:literal) => {
        concat!(
            r#"WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[],
        $5::smallint[], $6::smallint[], $7::text[], $8::text[], $9::uuid[], $10::text[], $11::text[],
        $12::timestamptz[], $13::timestamptz[]) WITH ORDINALITY AS i(conversation_id, owner, until, access_version, from_side, to_sides, sender_id,
        idempotency_key, id, body, extras, now, due_at, place)),
    item AS MATERIALIZED (SELECT g.conversation_id, g.owner, g.until, g.access_version, g.from_side, g.to_sides, g.sender_id,
        g.idempotency_key, g.id, g.body, g.extras, "#,
            moment!("g.now", "$14"),
            " AS now, ",
            moment_after!("g.due_at", "g.now", "$14"),
            r#" AS due_at, g.place FROM given g),
    locked AS MATERIALIZED (SELECT "#,
            conversation_columns!(),
            r#", c.events FROM (SELECT DISTINCT i.conversation_id FROM item i ORDER BY i.conversation_id) wanted
        CROSS JOIN LATERAL (SELECT * FROM "messaging".conversation c WHERE c.id = wanted.conversation_id LIMIT 1
            FOR NO KEY UPDATE "#,
            $locking,
            r#") c),
    seen AS MATERIALIZED (SELECT i.place AS seen_place, "#,
            message_row_columns!(),
            r#" FROM item i CROSS JOIN LATERAL (SELECT * FROM "messaging".message m
        WHERE m.conversation_id = i.conversation_id AND m.sender_id = i.sender_id
            AND m.idempotency_key = i.idempotency_key LIMIT 1) m),
    stored AS MATERIALIZED (SELECT i.place, i.from_side, i.to_sides, i.sender_id, i.idempotency_key,
        i.id AS message_id, i.body, i.extras, l.id, l.client_id, l.agent_id, l.agent_user_id, l.access_version, l.blocked_by, l.closed,
        l.client_read, l.client_read_seq, l.client_read_at, l.client_mailed,
        l.agent_read, l.agent_read_seq, l.agent_read_at, l.agent_mailed, l.created_at,
        l.last_seq + count(*) OVER sofar AS last_seq, l.events + count(*) OVER sofar AS events,
        l.events + 1 AS head, first_value(i.owner) OVER sofar AS first_owner, first_value(i.until) OVER sofar AS first_until,
        GREATEST(l.activity_at, max(i.now) OVER sofar) AS activity_at,
        l.client_received + count(*) FILTER (WHERE i.to_sides & 1 <> 0) OVER sofar AS client_received,
        l.agent_received + count(*) FILTER (WHERE i.to_sides & 2 <> 0) OVER sofar AS agent_received,
        COALESCE(l.client_due_at, (array_agg(i.due_at)
            FILTER (WHERE i.due_at IS NOT NULL AND i.to_sides & 1 <> 0) OVER sofar)[1]) AS client_due_at,
        COALESCE(l.agent_due_at, (array_agg(i.due_at)
            FILTER (WHERE i.due_at IS NOT NULL AND i.to_sides & 2 <> 0) OVER sofar)[1]) AS agent_due_at
        FROM item i JOIN locked l ON l.id = i.conversation_id AND l.access_version = i.access_version
        WHERE i.place NOT IN (SELECT seen_place FROM seen)
        WINDOW sofar AS (PARTITION BY i.conversation_id ORDER BY i.place)),
    newest AS MATERIALIZED (SELECT DISTINCT ON (id) * FROM stored ORDER BY id, place DESC),
    bumped AS (UPDATE "messaging".conversation c SET last_seq = n.last_seq, events = n.events,
        activity_at = n.activity_at, client_received = n.client_received, agent_received = n.agent_received,
        client_due_at = n.client_due_at, agent_due_at = n.agent_due_at FROM newest n WHERE c.id = n.id),
    inserted AS (INSERT INTO "messaging".message (conversation_id, seq, id, from_side, to_sides, sender_id, idempotency_key,
        body, extras, created_at, client_position, agent_position)
        SELECT id, last_seq, message_id, from_side, to_sides, sender_id, idempotency_key, body, extras, activity_at, client_received,
            agent_received FROM stored),
    entry AS (INSERT INTO "messaging".outbox (conversation_id, number, kind, side, seq, at)
        SELECT id, events, 1, NULL::smallint, last_seq, activity_at FROM stored),
    laned AS (INSERT INTO "messaging".lane AS l (conversation_id, head, tail, owner, until)
        SELECT id, head, events, first_owner, COALESCE(first_until, date_trunc('milliseconds', clock_timestamp()))
        FROM newest ORDER BY id
        ON CONFLICT (conversation_id) DO UPDATE SET tail = EXCLUDED.tail
        RETURNING l.conversation_id AS lane_of, l.head)
    SELECT i.place, l.id IS NOT NULL AS is_locked, s.*, "#,
            conversation_columns!(),
            r#", c.events AS entry_number, d.head = c.events AS is_new
    FROM item i LEFT JOIN locked l ON l.id = i.conversation_id LEFT JOIN seen s ON s.seen_place = i.place
        LEFT JOIN stored c ON c.place = i.place LEFT JOIN laned d ON d.lane_of = c.id"#
        )
    };
}

/// Skips conversations that another transaction has locked, so that such a lock delays no other conversation's
/// messages.
pub(super) const APPEND_MANY: &str = append_many!("SKIP LOCKED");
/// Waits for conversations that another transaction has locked.
pub(super) const APPEND_MANY_WAITING: &str = append_many!("");

/// The result of one message of several.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each step, and never kept")]
pub(super) enum Outcome {
    Done(Appended),
    /// Nothing was stored: another transaction has the conversation locked, or the conversation does not exist.
    Skipped,
}

/// The arguments of the statement, one array each.
#[derive(Default)]
struct Columns {
    conversations: Vec<Uuid>,
    owners: Vec<Option<Uuid>>,
    untils: Vec<Option<DateTime<Utc>>>,
    access_versions: Vec<i64>,
    from: Vec<i16>,
    to: Vec<i16>,
    senders: Vec<String>,
    keys: Vec<Option<String>>,
    ids: Vec<Uuid>,
    bodies: Vec<String>,
    extras: Vec<Option<String>>,
    nows: Vec<DateTime<Utc>>,
    due_at: Vec<Option<DateTime<Utc>>>,
}

impl Columns {
    fn push(&mut self, step: &Append, ownership: Ownership) {
        let new = &step.message;
        let (owner, until) = ownership.columns();
        self.conversations.push(step.conversation_id.as_uuid());
        self.owners.push(owner);
        self.untils.push(until);
        self.access_versions.push(i64::from(step.access_version));
        self.from.push(origin_code(&new.origin));
        self.to.push(sides_code(|side| new.origin.addresses(side)));
        self.senders.push(sender_code(new.origin.sender()).to_owned());
        self.keys.push(
            new.idempotency_key
                .as_ref()
                .map(IdempotencyKey::as_str)
                .map(str::to_owned),
        );
        self.ids.push(new.id.as_uuid());
        self.bodies.push(new.body.stored_text().to_owned());
        let extras = new.extras.as_ref().map(MessageExtras::as_str);
        self.extras.push(extras.map(str::to_owned));
        self.nows.push(instant(new.now));
        self.due_at.push(new.digest_at.map(instant));
    }
}

impl PgStore {
    /// Appends several messages in one commit, as if one by one in this order; if it fails, none is stored. No
    /// two may have the same key of a sender in a conversation, or the same id.
    pub(super) async fn append_many(
        &self,
        steps: &[&Append],
        if_locked: IfLocked,
    ) -> Result<Vec<Outcome>, Failure> {
        let ownerships: Vec<_> = steps
            .iter()
            .map(|step| self.ownership(step.publisher, step.message.now))
            .collect();
        let due = ownerships.iter().filter_map(|ownership| ownership.due());
        let _writing = self.0.scan_watermark.writing_all(due);
        let mut columns = Columns::default();
        for (step, ownership) in steps.iter().zip(&ownerships) {
            columns.push(step, *ownership);
        }
        let text = match if_locked {
            IfLocked::Skip => &self.0.statements.append_many,
            IfLocked::Wait => &self.0.statements.append_many_waiting,
        };
        let statement = sqlx::query(text.clone())
            .bind(columns.conversations)
            .bind(columns.owners)
            .bind(columns.untils)
            .bind(columns.access_versions)
            .bind(columns.from)
            .bind(columns.to)
            .bind(columns.senders)
            .bind(columns.keys)
            .bind(columns.ids)
            .bind(columns.bodies)
            .bind(columns.extras)
            .bind(columns.nows)
            .bind(columns.due_at)
            .bind(self.max_ahead());
        let answered = self.0.caller.call(statement).await?;
        outcomes(&answered, steps, &ownerships, if_locked).map_err(Failure::Unread)
    }
}

fn outcomes(
    rows: &[PgRow],
    steps: &[&Append],
    ownerships: &[Ownership],
    if_locked: IfLocked,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes: Vec<Option<Outcome>> = steps.iter().map(|_| None).collect();
    for row in rows {
        let place: i64 = row.try_get("place")?;
        let at = usize::try_from(place - 1).map_err(corrupt)?;
        let (Some(step), Some(ownership)) = (steps.get(at), ownerships.get(at)) else {
            return Err(corrupt("a result row belongs to no message"));
        };
        let is_decided = if_locked == IfLocked::Wait || row.try_get("is_locked")?;
        let outcome = match append::appended(row, step, *ownership)? {
            Appended::Conflict if !is_decided => Outcome::Skipped,
            appended => Outcome::Done(appended),
        };
        outcomes[at] = Some(outcome);
    }
    let all: Option<Vec<Outcome>> = outcomes.into_iter().collect();
    all.ok_or_else(|| corrupt("a message has no result row"))
}
