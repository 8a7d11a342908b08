use async_trait::async_trait;
use messaging_core::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::IdempotencyKey,
        opening::PreparedOpen,
        receipt::MessageRow,
        scope::ListScope,
        side::Side,
    },
    id::{AgentId, BookingId, ConversationId, UserId},
    store::{
        Append, Appended, ChangeState, Changed, ConversationKey, ConversationStore, HistoryPage, HistoryScan,
        ListPage, ListScan, MarkRead, Marked, Opened, Publisher, StoreError, StoreErrorKind,
    },
    time::Timestamp,
};
use sqlx::{Error, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{
    SqliteStore,
    error::{corrupt, failed},
    history, list,
    open::Open,
    rows::{self, conversation_columns, select_overview},
};
use crate::codes::{number, sides_code};

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        self.write(Open {
            plan: plan.clone(),
            publisher: self.0.workers.admitted(publisher),
        })
        .await
    }

    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError> {
        const DOING: &str = "finding a conversation";
        let mut connection = self.reader(DOING).await?;
        let found = match &key {
            ConversationKey::Id(id) => find(&mut connection, *id).await,
            ConversationKey::Pair { client_id, agent_id } => {
                let query = sqlx::query(FIND_BY_PAIR)
                    .bind(client_id.as_str())
                    .bind(agent_id.as_str());
                find_by(&mut connection, query).await
            }
            ConversationKey::Booking(booking) => {
                find_by(
                    &mut connection,
                    sqlx::query(FIND_BY_BOOKING).bind(booking.as_str()),
                )
                .await
            }
            unknown => {
                let why = format!("{unknown:?} is unknown to this store");
                return Err(StoreError::new(StoreErrorKind::Unsupported, DOING).caused_by(why));
            }
        };
        found.map_err(failed(DOING))
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        const DOING: &str = "finding a conversation";
        let mut connection = self.reader(DOING).await?;
        summary(&mut connection, id).await.map_err(failed(DOING))
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        const DOING: &str = "listing bookings";
        let mut connection = self.reader(DOING).await?;
        bookings(&mut connection, of).await.map_err(failed(DOING))
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        const DOING: &str = "listing conversations";
        let mut connection = self.reader(DOING).await?;
        list::page(&mut connection, scan).await.map_err(failed(DOING))
    }

    async fn count_conversations(&self, whose: &ListScope, cap: u64) -> Result<u64, StoreError> {
        const DOING: &str = "counting conversations";
        let mut connection = self.reader(DOING).await?;
        let count = list::count(&mut connection, whose, cap).await;
        count.map_err(failed(DOING))
    }

    async fn count_unread(&self, whose: &ListScope) -> Result<u64, StoreError> {
        const DOING: &str = "counting unread messages";
        let mut connection = self.reader(DOING).await?;
        let sum = list::unread(&mut connection, whose).await;
        sum.map_err(failed(DOING))
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        const DOING: &str = "listing an agent's conversations";
        let mut connection = self.reader(DOING).await?;
        let found = list::of_agent(&mut connection, agent_id, after, limit).await;
        found.map_err(failed(DOING))
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        const DOING: &str = "listing messages";
        let mut snapshot = self.snapshot(DOING).await?;
        history::page(&mut snapshot, scan).await.map_err(failed(DOING))
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        const DOING: &str = "finding a message by its key";
        let mut connection = self.reader(DOING).await?;
        let found = history::sent(&mut connection, of, sender, key).await;
        found.map_err(failed(DOING))
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        let publisher = self.0.workers.admitted(step.publisher);
        self.write(step.clone().with_publisher(publisher)).await
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        let publisher = self.0.workers.admitted(step.publisher);
        self.write(step.clone().with_publisher(publisher)).await
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        let publisher = self.0.workers.admitted(step.publisher);
        let mut step = step.clone();
        step.publisher = publisher;
        self.write(step).await
    }
}

pub(super) const FIND: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.id = ?"
);
pub(super) const FIND_BY_PAIR: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.client_id = ? AND c.agent_id = ?"
);
/// Conversation ids are ordered by opening time.
pub(super) const FIND_BY_BOOKING: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.id = (SELECT conversation_id FROM booking_link WHERE booking_id = ?
        ORDER BY conversation_id DESC LIMIT 1)"
);
pub(super) const OVERVIEW: &str = concat!(select_overview!(), "WHERE c.id = ?");
pub(super) const BOOKINGS: &str =
    "SELECT booking_id FROM booking_link WHERE conversation_id = ? ORDER BY position DESC";
pub(super) const SAVE: &str =
    "UPDATE conversation SET client_id = ?, agent_user_id = ?, access_version = ?, blocked_by = ?, closed = ?,
    last_seq = ?, client_received = ?, client_read = ?, client_read_seq = ?, client_read_at = ?,
    client_mailed = ?, client_due_at = ?, agent_received = ?, agent_read = ?, agent_read_seq = ?, agent_read_at = ?,
    agent_mailed = ?, agent_due_at = ?, activity_at = ? WHERE id = ?";

pub(super) async fn find(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<Conversation>, Error> {
    find_by(connection, sqlx::query(FIND).bind(id.as_uuid())).await
}

async fn find_by(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Option<Conversation>, Error> {
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(rows::conversation).transpose()
}

pub(super) async fn summary(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<ConversationSummary>, Error> {
    let found = sqlx::query(OVERVIEW).bind(id.as_uuid());
    let row = found.fetch_optional(connection).await?;
    row.as_ref().map(rows::summary).transpose()
}

/// Binds the columns that a transition may change, except the times, in order.
pub(super) fn bind_state<'q>(
    statement: Query<'q, Sqlite, SqliteArguments>,
    c: &'q Conversation,
) -> Query<'q, Sqlite, SqliteArguments> {
    let mut bound = statement
        .bind(c.agent_user_id.as_str())
        .bind(c.access_version)
        .bind(sides_code(|side| *c.blocked_by.of(side)))
        .bind(c.closed)
        .bind(number(c.last_seq));
    for side in Side::ALL {
        let (counter, mark) = (c.counters.of(side), c.digests.of(side));
        bound = bound
            .bind(number(counter.received))
            .bind(number(counter.read))
            .bind(counter.last_read.map(|mark| number(mark.up_to_seq)))
            .bind(counter.last_read.map(|mark| mark.at.as_millis()))
            .bind(number(mark.mailed))
            .bind(mark.due_at.map(Timestamp::as_millis));
    }
    bound
}

/// Writes a conversation after a transition.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
) -> Result<(), Error> {
    let c = conversation;
    bind_state(sqlx::query(SAVE).bind(c.client_id.as_str()), c)
        .bind(c.activity_at.as_millis())
        .bind(c.id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

async fn bookings(connection: &mut SqliteConnection, of: ConversationId) -> Result<Vec<BookingId>, Error> {
    let ids: Vec<String> = sqlx::query_scalar(BOOKINGS)
        .bind(of.as_uuid())
        .fetch_all(connection)
        .await?;
    ids.into_iter()
        .map(|id| BookingId::parse(id).map_err(corrupt))
        .collect()
}
