use super::{
    SqliteStore,
    conversation_rows::{FIND_BY_BOOKING, FIND_BY_PAIR, bookings, find, find_by, summary},
    error::failed,
    history, list,
    open::Open,
};
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

    async fn count_conversations(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        const DOING: &str = "counting conversations";
        let mut connection = self.reader(DOING).await?;
        let count = list::count(&mut connection, scope, cap).await;
        count.map_err(failed(DOING))
    }

    async fn count_unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        const DOING: &str = "counting unread messages";
        let mut connection = self.reader(DOING).await?;
        let sum = list::unread(&mut connection, scope).await;
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
