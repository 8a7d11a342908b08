use async_trait::async_trait;
use messaging_core::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::IdempotencyKey,
        opening::PreparedOpen,
        receipt::MessageRow,
        scope::ListScope,
    },
    id::{AgentId, BookingId, ConversationId, UserId},
    store::{
        Append, Appended, ChangeState, Changed, ConversationKey, ConversationStore, HistoryPage, HistoryScan,
        ListPage, ListScan, MarkRead, Marked, Opened, Publisher, StoreError, StoreErrorKind,
    },
};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    PgStore,
    by_index::few,
    call::Statement,
    error::{corrupt, failed},
    rows::{self, conversation_columns, last_message, summary_columns},
    shared_reads::{LookUp, QueueOf, SharedReads},
    statements::Statements,
};

#[async_trait]
impl ConversationStore for PgStore {
    async fn open(&self, plan: &PreparedOpen, publisher: Publisher) -> Result<Opened, StoreError> {
        self.open_pair(plan, publisher).await
    }

    async fn find_conversation(&self, key: ConversationKey) -> Result<Option<Conversation>, StoreError> {
        let texts = &self.0.statements;
        let statement = match &key {
            ConversationKey::Id(id) => return self.look_up(&ById(*id)).await,
            ConversationKey::Pair { client_id, agent_id } => sqlx::query(texts.find_by_pair.clone())
                .bind(client_id.as_str())
                .bind(agent_id.as_str()),
            ConversationKey::Booking(booking) => {
                sqlx::query(texts.find_by_booking.clone()).bind(booking.as_str())
            }
            unknown => {
                let why = format!("{unknown:?} is unknown to this store");
                return Err(StoreError::new(StoreErrorKind::Unsupported, FINDING).caused_by(why));
            }
        };
        let found = self.read(FINDING, statement).await?;
        let found = found.first().map(rows::conversation);
        found.transpose().map_err(failed(FINDING))
    }

    async fn find_summary(&self, id: ConversationId) -> Result<Option<ConversationSummary>, StoreError> {
        let statement = sqlx::query(self.0.statements.summary.clone()).bind(id.as_uuid());
        let found = self.read(FINDING, statement).await?;
        let found = found.first().map(rows::summary);
        found.transpose().map_err(failed(FINDING))
    }

    async fn list_bookings(&self, of: ConversationId) -> Result<Vec<BookingId>, StoreError> {
        const DOING: &str = "listing bookings";
        let statement = sqlx::query(self.0.statements.bookings.clone()).bind(of.as_uuid());
        let found = self.read(DOING, statement).await?;
        let ids = found
            .iter()
            .map(|row| BookingId::parse(row.try_get::<&str, _>("booking_id")?).map_err(corrupt));
        ids.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    async fn list_newest_bookings(
        &self,
        of: &[ConversationId],
        limit: usize,
    ) -> Result<Vec<(ConversationId, BookingId)>, StoreError> {
        const DOING: &str = "listing bookings";
        let ids: Vec<_> = of.iter().map(ConversationId::as_uuid).collect();
        let statement = sqlx::query(self.0.statements.newest_bookings.clone())
            .bind(ids)
            .bind(crate::codes::limit(limit));
        let found = self.read(DOING, statement).await?;
        let link = |row: &PgRow| {
            let id = ConversationId::new(row.try_get("conversation_id")?);
            let booking = BookingId::parse(row.try_get::<&str, _>("booking_id")?).map_err(corrupt)?;
            Ok((id, booking))
        };
        found
            .iter()
            .map(link)
            .collect::<Result<_, _>>()
            .map_err(failed(DOING))
    }

    async fn list_conversations(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        self.list_page(scan).await
    }

    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        self.count(scope, cap).await
    }

    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        self.unread(scope).await
    }

    async fn list_agent_conversations(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.of_agent(agent_id, after, limit).await
    }

    async fn list_messages(&self, scan: &HistoryScan) -> Result<Option<HistoryPage>, StoreError> {
        self.page(scan).await
    }

    async fn find_sent(
        &self,
        of: ConversationId,
        sender: Option<&UserId>,
        key: &IdempotencyKey,
    ) -> Result<Option<MessageRow>, StoreError> {
        self.sent(of, sender, key).await
    }

    async fn append(&self, step: &Append) -> Result<Appended, StoreError> {
        self.append_message(step).await
    }

    async fn mark_read(&self, step: &MarkRead) -> Result<Marked, StoreError> {
        self.move_read_position(step).await
    }

    async fn change_state(&self, step: &ChangeState) -> Result<Changed, StoreError> {
        self.apply_change(step).await
    }
}

const FINDING: &str = "finding a conversation";

/// The conversation with an id.
#[derive(Debug, Clone)]
pub(super) struct ById(ConversationId);

impl LookUp for ById {
    type Answer = Option<Conversation>;

    const DOING: &'static str = FINDING;
    const MAX_SHARED: usize = 128;

    fn queue(reads: &SharedReads) -> &QueueOf<Self> {
        &reads.by_id
    }

    fn one(&self, texts: &Statements) -> Statement<'_> {
        sqlx::query(texts.find.clone()).bind(self.0.as_uuid())
    }

    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q> {
        let ids: Vec<_> = look_ups.iter().map(|of| of.0.as_uuid()).collect();
        sqlx::query(texts.find_several.clone()).bind(ids)
    }

    fn answer(&self, rows: &[PgRow]) -> Result<Option<Conversation>, Error> {
        rows.first().map(rows::conversation).transpose()
    }
}

pub(super) const FIND: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#" FROM "messaging".conversation c WHERE c.id = $1"#
);
/// `$1` conversations.
pub(super) const FIND_SEVERAL: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#", w.place FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, place)
        CROSS JOIN LATERAL (SELECT * FROM "messaging".conversation c WHERE c.id = w.id LIMIT 1) c
        WHERE "#,
    few!("w.place")
);
pub(super) const FIND_BY_PAIR: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#" FROM "messaging".conversation c WHERE c.client_id = $1 AND c.agent_id = $2"#
);
pub(super) const FIND_BY_BOOKING: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#" FROM "messaging".conversation c WHERE c.id = (SELECT l.conversation_id FROM "messaging".booking_link l
        WHERE l.booking_id = $1 ORDER BY l.position DESC LIMIT 1)"#
);
/// `$1` conversations, `$2` how many of each.
pub(super) const NEWEST_BOOKINGS: &str = concat!(
    r#"SELECT w.id AS conversation_id, newest.booking_id FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, n)
        CROSS JOIN LATERAL (SELECT l.booking_id, l.position FROM "messaging".booking_link l
            WHERE l.conversation_id = w.id ORDER BY l.position DESC LIMIT $2) newest
        WHERE "#,
    few!("w.n"),
    " ORDER BY w.n, newest.position DESC"
);
pub(super) const SUMMARY: &str = concat!(
    "SELECT ",
    summary_columns!(),
    r#" FROM "messaging".conversation c "#,
    last_message!(),
    " WHERE c.id = $1"
);
pub(super) const BOOKINGS: &str =
    r#"SELECT booking_id FROM "messaging".booking_link WHERE conversation_id = $1 ORDER BY position DESC"#;
