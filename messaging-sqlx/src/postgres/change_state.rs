use messaging_core::{
    domain::{conversation::Change, erasure::erased_user, side::Side},
    id::ConversationId,
    store::{ChangeState, Changed, StoreError, StoreErrorKind},
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    error::unread,
    lanes::{Ownership, publish},
    rows::instant,
    turns::{LockWait, waits},
};
use crate::codes::side_code;

/// `$1` conversation, `$2` owner, `$3` lease, `$4` access version, `$5` now, `$6` sides that block from now on, `$7`
/// sides that no longer do, `$8` whether it is closed, `$9` its agent's user and `$10` its client, each null where it
/// stays, `$11` sides of which nobody is due any more, `$12` how long it waits for the conversation's row.
/// One row that says how it went, or none where the access version does not hold.
pub(super) const CHANGE_STATE: &str = concat!(
    r#"WITH before AS MATERIALIZED (SELECT c.id, c.client_id, c.agent_user_id FROM "messaging".conversation c
            WHERE c.id = $1 AND c.access_version = $4 AND "#,
    waits!("$12"),
    r#" FOR NO KEY UPDATE),
        changed AS (UPDATE "messaging".conversation c SET events = c.events + 1, access_version = c.access_version + 1,
        blocked_by = (c.blocked_by | $6::smallint) & ~$7::smallint, closed = COALESCE($8, c.closed),
        agent_user_id = COALESCE($9, c.agent_user_id), client_id = COALESCE($10, c.client_id),
        client_due_at = CASE WHEN $11::smallint & 1 = 0 THEN c.client_due_at END,
        agent_due_at = CASE WHEN $11::smallint & 2 = 0 THEN c.agent_due_at END
        FROM before WHERE c.id = before.id
        AND ((c.blocked_by | $6::smallint) & ~$7::smallint, COALESCE($8, c.closed), COALESCE($9, c.agent_user_id),
            COALESCE($10, c.client_id)) <> (c.blocked_by, c.closed, c.agent_user_id, c.client_id)
        RETURNING c.id, c.events, CASE WHEN $9 IS NOT NULL THEN before.agent_user_id
            WHEN $10 IS NOT NULL THEN before.client_id END AS lost_access),
    "#,
    publish!("changed", "3, NULL::smallint, NULL::bigint, $5", "lost_access"),
    r#"SELECT true AS is_done, head, is_new FROM changed LEFT JOIN laned ON true
    UNION ALL
    SELECT false, NULL, NULL FROM "messaging".conversation c
        WHERE c.id = $1 AND c.access_version = $4 AND NOT EXISTS (SELECT FROM changed)
        AND ((c.blocked_by | $6::smallint) & ~$7::smallint, COALESCE($8, c.closed), COALESCE($9, c.agent_user_id),
            COALESCE($10, c.client_id)) = (c.blocked_by, c.closed, c.agent_user_id, c.client_id)"#
);

const DOING: &str = "changing a conversation";

impl PgStore {
    pub(super) async fn apply_change(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let new = Columns::of(&step.change, step.conversation_id)?;
        let ownership = self.ownership(step.publisher, step.now);
        let statement = |wait: LockWait| {
            let statement =
                sqlx::query(self.0.statements.change_state.clone()).bind(step.conversation_id.as_uuid());
            ownership
                .bind(statement)
                .bind(i64::from(step.access_version))
                .bind(instant(step.now))
                .bind(new.blocks)
                .bind(new.unblocks)
                .bind(new.closed)
                .bind(new.agent_user_id.clone())
                .bind(new.client_id.clone())
                .bind(new.not_due)
                .bind(wait.setting())
        };
        let answered = self.write_in_turn(DOING, step.conversation_id, statement).await?;
        changed(answered.first(), step, ownership).map_err(unread(DOING))
    }
}

/// What a change makes of the columns that it may change.
#[derive(Default)]
struct Columns {
    blocks: i16,
    unblocks: i16,
    closed: Option<bool>,
    agent_user_id: Option<String>,
    client_id: Option<String>,
    not_due: i16,
}

impl Columns {
    fn of(change: &Change, of: ConversationId) -> Result<Self, StoreError> {
        let unchanged = Self::default();
        Ok(match change {
            Change::Block(side) => Self {
                blocks: side_code(*side),
                ..unchanged
            },
            Change::Unblock(side) => Self {
                unblocks: side_code(*side),
                ..unchanged
            },
            Change::Close => Self {
                closed: Some(true),
                ..unchanged
            },
            Change::Reopen => Self {
                closed: Some(false),
                ..unchanged
            },
            Change::Reassign(to) => Self {
                agent_user_id: Some(to.to_string()),
                ..unchanged
            },
            Change::Erase(side) => {
                let erased = Some(erased_user(of, *side).to_string());
                let (client_id, agent_user_id) = match side {
                    Side::Client => (erased, None),
                    Side::Agent => (None, erased),
                };
                Self {
                    client_id,
                    agent_user_id,
                    not_due: side_code(*side),
                    ..unchanged
                }
            }
            unknown => {
                let why = format!("{unknown:?} is an unknown change");
                return Err(StoreError::new(StoreErrorKind::Internal, DOING).caused_by(why));
            }
        })
    }
}

fn changed(row: Option<&PgRow>, step: &ChangeState, ownership: Ownership) -> Result<Changed, Error> {
    Ok(match row {
        None => Changed::Conflict,
        Some(row) if row.try_get("is_done")? => Changed::Done {
            lane: ownership.given(row, step.conversation_id)?,
        },
        Some(_) => Changed::AlreadySo,
    })
}
