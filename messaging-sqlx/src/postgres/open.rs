//! Opening a conversation, by itself or within a transaction of the host's.

use messaging_core::{
    domain::opening::PreparedOpen,
    store::{Opened, Publisher, StoreError, StoreErrorKind},
};
use sqlx::{Error, PgConnection, Row, postgres::PgRow};

use super::{
    PgStore,
    call::Statement,
    error::{failed, unread},
    lanes::{Ownership, publish},
    moment::moment,
    rows::{conversation_id, instant, maybe_count},
    target_locks::{LockWait, Target, set_lock_timeout},
};

/// Creates the conversation of the plan's pair if it does not exist, and the plan's link. `$1` id, `$2` owner,
/// `$3` lease, `$4` client, `$5` agent, `$6` agent's user, `$7` now, `$8` booking or null, `$9` the number of
/// seconds that now may be ahead.
///
/// A conversation that another transaction has just created is not in this statement's snapshot: the statement
/// then returns no row and is to be repeated. A plan that is executed twice may collide on its id before it
/// collides on its pair.
macro_rules! open_pair {
    ($if:expr) => {
        concat!(
            "WITH moment AS MATERIALIZED (SELECT ",
            moment!("$7::timestamptz", "$9"),
            " AS now WHERE ",
            $if,
            r#"),
        made AS (INSERT INTO "messaging".conversation (id, client_id, agent_id, agent_user_id,
                created_at, activity_at, events) SELECT $1, $4, $5, $6, now, now, 1 FROM moment
            ON CONFLICT DO NOTHING RETURNING id, events),
        pair AS (SELECT id, true AS is_made FROM made UNION ALL
            SELECT id, false FROM "messaging".conversation WHERE client_id = $4 AND agent_id = $5
                AND NOT EXISTS (SELECT FROM made)),
        linked AS (INSERT INTO "messaging".booking_link (conversation_id, booking_id)
            SELECT id, $8 FROM pair WHERE $8::text IS NOT NULL
            ON CONFLICT (conversation_id, booking_id) DO NOTHING RETURNING conversation_id AS id),
        "#
        )
    };
}

/// `$10` is how long the statement waits for another transaction that creates the same pair or has it locked.
///
/// An opening and its link are one event: a statement that creates the conversation writes no separate event
/// for the link. No part relies on seeing another part's writes.
pub(super) const OPEN: &str = concat!(
    open_pair!(set_lock_timeout!("$10")),
    r#"told AS (UPDATE "messaging".conversation c SET events = c.events + 1, access_version = c.access_version + 1 FROM linked
            WHERE c.id = linked.id AND NOT EXISTS (SELECT FROM made) RETURNING c.id, c.events),
        opened AS (SELECT id, events FROM made UNION ALL SELECT id, events FROM told),
        "#,
    publish!(
        "opened",
        "3, NULL::smallint, NULL::bigint, (SELECT now FROM moment)"
    ),
    "SELECT pair.id AS opened_id, is_made, entry_number, is_new FROM pair LEFT JOIN laned ON true"
);

/// Like [`OPEN`], but a link to an existing conversation is left for a worker to number, which raises the
/// access version.
pub(super) const OPEN_IN: &str = concat!(
    open_pair!("true"),
    r#"unnumbered AS (INSERT INTO "messaging".unnumbered (at, conversation_id)
            SELECT moment.now, linked.id FROM moment, linked WHERE NOT EXISTS (SELECT FROM made)),
        "#,
    publish!(
        "made",
        "3, NULL::smallint, NULL::bigint, (SELECT now FROM moment)"
    ),
    "SELECT pair.id AS opened_id, is_made, entry_number, is_new FROM pair LEFT JOIN laned ON true"
);

const DOING: &str = "opening a conversation";

/// How often a step that lost against another opening of its pair is repeated. Once suffices in practice.
const MAX_REPEATS: usize = 3;

impl PgStore {
    pub(super) async fn open_pair(
        &self,
        plan: &PreparedOpen,
        publisher: Publisher,
    ) -> Result<Opened, StoreError> {
        let ownership = self.ownership(publisher, plan.now);
        let _writing = self.0.scan_watermark.writing_all(ownership.due().into_iter());
        for _ in 0..MAX_REPEATS {
            let statement = |wait: LockWait| {
                let statement = sqlx::query(self.0.statements.open.clone());
                bind(statement, plan, ownership)
                    .bind(self.max_ahead())
                    .bind(wait.setting())
            };
            let pair = Target::Pair(plan.client_id.clone(), plan.agent_id.clone());
            let answered = self.write_serialized(DOING, pair, statement).await?;
            if let Some(row) = answered.first() {
                return opened(row, ownership).map_err(unread(DOING));
            }
        }
        Err(StoreError::new(StoreErrorKind::Retry, DOING))
    }

    /// Executes a plan within a transaction of the host's: opens the conversation if the pair has none, and
    /// links the booking. Other transactions see it, and both sides are notified, once the transaction has
    /// committed; a rollback leaves nothing. Call [`wake`](messaging_core::Operations::wake) after the commit,
    /// so that the notification is published at once.
    ///
    /// The connection must be in a transaction. The store sets no time limit here.
    ///
    /// No existing conversation is locked: sends to it continue for as long as the transaction takes. Therefore
    /// a link raises the conversation's access version, and is published, when a worker takes it up, within a
    /// second of the commit. Only another opening of the same new pair, or another link of the same booking,
    /// waits for the end of the transaction.
    ///
    /// # Errors
    /// [`Retry`](StoreErrorKind::Retry) when the transaction is `REPEATABLE READ` or `SERIALIZABLE` and lost
    /// against another: roll back, and repeat the whole transaction.
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the connection is lost. After any error the host's
    /// transaction can only be rolled back.
    pub async fn open_in_transaction(
        &self,
        connection: &mut PgConnection,
        plan: &PreparedOpen,
    ) -> Result<Opened, StoreError> {
        // On the host's connection: waiting for another one could deadlock while the host keeps its own.
        self.admit_on(connection, DOING).await?;
        let ownership = self.ownership(Publisher::Anyone, plan.now);
        for _ in 0..MAX_REPEATS {
            let statement = sqlx::query(self.0.statements.open_in_transaction.clone());
            let statement = bind(statement, plan, ownership)
                .bind(self.max_ahead())
                .persistent(self.0.caller.pool().keeps_statements());
            let answered = statement.fetch_optional(&mut *connection).await;
            if let Some(row) = answered.map_err(failed(DOING))? {
                return opened(&row, ownership).map_err(failed(DOING));
            }
        }
        Err(StoreError::new(StoreErrorKind::Retry, DOING))
    }
}

fn bind<'q>(statement: Statement<'q>, plan: &PreparedOpen, ownership: Ownership) -> Statement<'q> {
    ownership
        .bind(statement.bind(plan.id.as_uuid()))
        .bind(plan.client_id.as_str())
        .bind(plan.agent_id.as_str())
        .bind(plan.agent_user_id.as_str())
        .bind(instant(plan.now))
        .bind(plan.booking_id.as_ref().map(messaging_core::BookingId::as_str))
}

fn opened(row: &PgRow, ownership: Ownership) -> Result<Opened, Error> {
    let id = conversation_id(row, "opened_id")?;
    let has_entry = maybe_count(row, "entry_number")?.is_some();
    let entry = has_entry.then(|| ownership.committed(row, id));
    Ok(Opened::new(id)
        .with_created(row.try_get("is_made")?)
        .with_entry(entry.transpose()?))
}
