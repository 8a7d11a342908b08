//! A small marketplace, all of it in memory.

use messaging_core::{
    Actor, ConversationId, HistoryRequest, Messaging, MessagingBuilder, OpenConversation, Sent, Workers,
    admin::ReportDetails,
    clock::{ManualClock, SequentialIds},
    domain::{page::PageSize, scope::ListScope},
    host::{directory::Directory, rate_limit::Unlimited},
    id::ReportId,
    memory::MemoryStore,
    participant::{History, HistoryFrom, MarkOnRead},
    store::{ConversationStore, ListScan, ListStart},
};

use super::{
    people::{People, agent, carl, root, user},
    recorder::Recorder,
    requests::message,
};

/// A service in memory, with access to each of its parts.
pub(crate) struct World {
    pub(crate) messaging: Messaging,
    pub(crate) workers: Workers,
    pub(crate) store: MemoryStore,
    pub(crate) realtime: Recorder,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(MessagingBuilder) -> MessagingBuilder) -> Self {
        Self::on(MemoryStore::new(), ManualClock::new(), People, configure)
    }

    pub(crate) fn on(
        store: MemoryStore,
        clock: ManualClock,
        directory: impl Directory + 'static,
        configure: impl FnOnce(MessagingBuilder) -> MessagingBuilder,
    ) -> Self {
        let realtime = Recorder::new();
        let builder = Messaging::builder(store.clone(), directory)
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default());
        let (messaging, workers) = configure(builder).build().unwrap();
        Self {
            messaging,
            workers,
            store,
            realtime,
            clock,
        }
    }

    /// Opens carl's conversation with alpine, and publishes its events.
    pub(crate) async fn open(&self) -> ConversationId {
        let open = OpenConversation::new(agent("alpine"));
        let opened = self.messaging.open_conversation(&carl(), &open).await.unwrap();
        self.drain().await;
        self.realtime.take();
        opened.conversation.summary.conversation.id
    }

    pub(crate) async fn send(&self, from: &Actor, to: ConversationId, text: &str) -> Sent {
        self.messaging
            .send_message(from, &message(to, text, None))
            .await
            .unwrap()
    }

    /// Publishes until no due event is left.
    pub(crate) async fn drain(&self) {
        while self.workers.relay().step().await.unwrap() > 0 {}
    }

    /// Finds a report as an admin.
    pub(crate) async fn find_report(&self, id: ReportId) -> ReportDetails {
        let root = root();
        let admin = self.messaging.admin(&root).unwrap();
        admin.find_report(id).await.unwrap()
    }

    pub(crate) async fn first_conversation(&self) -> ConversationId {
        self.store.list_conversations(&everything()).await.unwrap().rows[0]
            .conversation
            .id
    }

    pub(crate) async fn count_conversations(&self) -> usize {
        self.store
            .list_conversations(&everything())
            .await
            .unwrap()
            .rows
            .len()
    }
}

pub(crate) async fn history(world: &World, actor: &Actor, from: HistoryFrom, mark: MarkOnRead) -> History {
    let id = world.first_conversation().await;
    let request = HistoryRequest::new(id, from)
        .with_limit(PageSize::new(2).unwrap())
        .with_mark(mark);
    world.messaging.history(actor, &request).await.unwrap()
}

fn everything() -> ListScan {
    let scope = ListScope::All(user("root"));
    ListScan::new(scope, ListStart::Newest, PageSize::LIST)
}
