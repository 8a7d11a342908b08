//! The contents of a store.

use messaging_core::{
    domain::{page::PageSize, scope::ListScope},
    id::{AgentId, BookingId},
    store::{
        AuditRecord, AuditStore as _, Backlog, ConversationStore as _, DeadLetter, Direction, HistoryPage,
        HistoryScan, Lane, ListPage, ListScan, ListStart, LoadedEntry, OutboxStore as _,
    },
};
use messaging_sqlx::SqliteStore;

use super::steps::{at, conversation, user};

/// The contents of a store, as its queries return them.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    list: ListPage,
    histories: Vec<Option<HistoryPage>>,
    bookings: Vec<Vec<BookingId>>,
    unread: Vec<u64>,
    accesses: Vec<AuditRecord>,
    dead_letters: Vec<DeadLetter>,
    backlog: Backlog,
    entries: Vec<LoadedEntry>,
}

impl Contents {
    pub(crate) async fn of(store: &SqliteStore) -> Self {
        let limit = PageSize::new(100).unwrap();
        let scan = |n| HistoryScan::new(conversation(n), Direction::Newest, limit);
        let lane = |n| Lane::new(conversation(n), 1, at(0));
        let agent = ListScope::Agent {
            agent_id: AgentId::parse("agency").unwrap(),
            user_id: user("agent"),
        };
        let list = ListScan::new(agent.clone(), ListStart::Newest, limit);
        Self {
            list: store.list_conversations(&list).await.unwrap(),
            histories: vec![
                store.list_messages(&scan(1)).await.unwrap(),
                store.list_messages(&scan(2)).await.unwrap(),
            ],
            bookings: vec![
                store.list_bookings(conversation(1)).await.unwrap(),
                store.list_bookings(conversation(2)).await.unwrap(),
            ],
            unread: vec![
                store.count_unread(&agent).await.unwrap(),
                store
                    .count_unread(&ListScope::Client(user("client-2")))
                    .await
                    .unwrap(),
            ],
            accesses: store.list_accesses(None, 100).await.unwrap(),
            dead_letters: store.list_dead_letters(None, 100).await.unwrap(),
            backlog: store.backlog().await.unwrap(),
            entries: store.load_entries(&[lane(1), lane(2)], 100).await.unwrap(),
        }
    }
}
