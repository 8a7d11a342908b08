use messaging_core::{
    domain::{
        message::{IdempotencyKey, Message, MessageExtras},
        side::PerSide,
    },
    store::{Append, Appended, StoreError, StoreErrorKind, Stored},
};
use sqlx::{Error, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    PgStore,
    append_many::Outcome,
    error::{Effect, Failure},
    lanes::{Ownership, publish},
    moment::{moment, moment_after},
    rows::{self, conversation_columns, instant, message_row_columns},
};
use crate::codes::{origin_code, sender_code, sides_code};

/// The statement; `$locked` is the condition on the conversation besides its access version.
///
/// `$1` conversation, `$2` owner, `$3` lease, `$4` access version, `$5` from, `$6` to, `$7` sender, `$8` key,
/// `$9` id, `$10` body, `$11` extras, `$12` now, `$13` when an e-mail about it is due, `$14` the number of
/// seconds that now may be ahead. Returns one row, or none where the access version does not hold.
///
/// A message with this key that another transaction has just committed is not in this statement's snapshot; the
/// unique index on keys then refuses the message, and the whole statement is undone, including the counters.
macro_rules! append {
    ($locked:literal) => {
        concat!(
            "WITH seen AS (SELECT ",
            message_row_columns!(),
            r#" FROM "messaging".message m WHERE m.conversation_id = $1 AND m.sender_id = $7 AND m.idempotency_key = $8),
    bumped AS (UPDATE "messaging".conversation c SET last_seq = c.last_seq + 1, events = c.events + 1,
        activity_at = GREATEST(c.activity_at, "#,
            moment!("$12", "$14"),
            r#"),
        client_received = c.client_received + ($6::int & 1), agent_received = c.agent_received + ($6::int >> 1),
        client_due_at = CASE WHEN $6::int & 1 <> 0 THEN COALESCE(c.client_due_at, "#,
            moment_after!("$13", "$12", "$14"),
            r#") ELSE c.client_due_at END,
        agent_due_at = CASE WHEN $6::int & 2 <> 0 THEN COALESCE(c.agent_due_at, "#,
            moment_after!("$13", "$12", "$14"),
            r#") ELSE c.agent_due_at END
        WHERE c.id = $1 AND c.access_version = $4 AND NOT EXISTS (SELECT FROM seen)"#,
            $locked,
            " RETURNING ",
            conversation_columns!(),
            r#", c.events),
    stored AS (INSERT INTO "messaging".message (conversation_id, seq, id, from_side, to_sides, sender_id, idempotency_key,
        body, extras, created_at, client_position, agent_position)
        SELECT id, last_seq, $9, $5, $6::int, $7, $8, $10, $11, activity_at, client_received, agent_received FROM bumped),
    "#,
            publish!("bumped", "1, NULL::smallint, last_seq, activity_at"),
            "SELECT * FROM bumped FULL JOIN seen ON false LEFT JOIN laned ON true"
        )
    };
}

/// Waits for a conversation that another transaction has locked.
pub(super) const APPEND: &str = append!("");
/// Returns no row for a locked conversation, as where the access version does not hold: [`ACCESS_VERSION`]
/// tells the two apart.
pub(super) const APPEND_SKIPPING: &str = append!(
    r#" AND EXISTS (SELECT FROM "messaging".conversation l WHERE l.id = $1 FOR NO KEY UPDATE SKIP LOCKED)"#
);

/// `$1` conversation, `$2` access version. Returns one row if it holds.
pub(super) const ACCESS_VERSION: &str =
    r#"SELECT true FROM "messaging".conversation c WHERE c.id = $1 AND c.access_version = $2"#;

/// What to do about a conversation that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfLocked {
    Skip,
    Wait,
}

/// The unique index on the keys of a sender in a conversation.
const KEY: &str = "message_idempotency_key";
/// The unique index on message ids in a conversation.
const ID: &str = "message_id";

pub(super) const DOING: &str = "appending a message";

/// How often a step that collides with another send is tried. The second try sees the send it lost against,
/// unless that was undone or had another key.
pub(super) const MAX_TRIES: usize = 3;

impl PgStore {
    /// Appends one message in its own commit.
    pub(super) async fn append_one(
        &self,
        step: &Append,
        if_locked: IfLocked,
    ) -> Result<Appended, StoreError> {
        let ownership = self.ownership(step.publisher, step.message.now);
        let _writing = self.0.scan_watermark.writing_all(ownership.due().into_iter());
        for _ in 1..MAX_TRIES {
            match self.try_append(step, ownership, if_locked).await {
                Err(failure) if is_collision(&failure) => {}
                done => return done.map_err(|failure| failure.of(DOING, Effect::Writes)),
            }
        }
        let last = self.try_append(step, ownership, if_locked).await;
        last.map_err(|failure| {
            if failure.violates(KEY) {
                StoreError::new(StoreErrorKind::Retry, DOING)
            } else {
                failure.of(DOING, Effect::Writes)
            }
        })
    }

    /// Appends one message, or skips it if another transaction has its conversation locked.
    pub(super) async fn append_or_skip(&self, step: &Append) -> Result<Outcome, StoreError> {
        let appended = self.append_one(step, IfLocked::Skip).await?;
        let is_decided = appended != Appended::Conflict || self.is_stale(step).await?;
        Ok(if is_decided {
            Outcome::Done(appended)
        } else {
            Outcome::Skipped
        })
    }

    /// Whether the step's access version no longer holds. Versions only grow, so this stays true.
    async fn is_stale(&self, step: &Append) -> Result<bool, StoreError> {
        let statement = sqlx::query(self.0.statements.access_version.clone())
            .bind(step.conversation_id.as_uuid())
            .bind(i64::from(step.access_version));
        let holds = self.read(DOING, statement).await?;
        Ok(holds.is_empty())
    }

    async fn try_append(
        &self,
        step: &Append,
        ownership: Ownership,
        if_locked: IfLocked,
    ) -> Result<Appended, Failure> {
        let text = match if_locked {
            IfLocked::Skip => &self.0.statements.append_skipping,
            IfLocked::Wait => &self.0.statements.append,
        };
        let new = &step.message;
        let statement = sqlx::query(text.clone()).bind(step.conversation_id.as_uuid());
        let statement = ownership
            .bind(statement)
            .bind(i64::from(step.access_version))
            .bind(origin_code(&new.origin))
            .bind(sides_code(|side| new.origin.addresses(side)))
            .bind(sender_code(new.origin.sender()))
            .bind(new.idempotency_key.as_ref().map(IdempotencyKey::as_str))
            .bind(new.id.as_uuid())
            .bind(new.body.stored_text())
            .bind(new.extras.as_ref().map(MessageExtras::as_str))
            .bind(instant(new.now))
            .bind(new.digest_at.map(instant))
            .bind(self.max_ahead());
        let answered = self.0.caller.call(statement).await?;
        let Some(row) = answered.first() else {
            return Ok(Appended::Conflict);
        };
        appended(row, step, ownership).map_err(Failure::Unread)
    }
}

/// Whether a message with the same key or id was stored concurrently. The same step taken twice may collide on
/// its id before it collides on its key.
pub(super) fn is_collision(failure: &Failure) -> bool {
    failure.violates(KEY) || failure.violates(ID)
}

/// Reads a step's row: a duplicate's message, or the conversation after the step, or neither.
pub(super) fn appended(row: &PgRow, step: &Append, ownership: Ownership) -> Result<Appended, Error> {
    if rows::has_message(row)? {
        return rows::message_row(row).map(Appended::Duplicate);
    }
    if row.try_get::<Option<Uuid>, _>("id")?.is_none() {
        return Ok(Appended::Conflict);
    }
    let conversation = rows::conversation(row)?;
    let new = &step.message;
    let mut message = Message::new(
        conversation.id,
        conversation.last_seq,
        new.id,
        new.origin.clone(),
        new.body.clone(),
        conversation.activity_at,
    );
    message.extras.clone_from(&new.extras);
    message.idempotency_key.clone_from(&new.idempotency_key);
    message.positions = PerSide::from_fn(|side| conversation.counters.of(side).received);
    let entry = ownership.committed(row, conversation.id)?;
    Ok(Appended::Stored(Stored::new(message, conversation, entry)))
}
