use std::collections::BTreeSet;

use messaging_core::{
    domain::{cursor::ListCursor, page::PageSize, scope::ListScope, side::Side},
    id::ConversationId,
    store::{ConversationStore as _, Direction, HistoryScan, ListScan, ListStart, StoreError},
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{
    admin_id, admin_scope, agency_id, agent_scope, agent_user_id, client_id, client_scope,
};

use crate::size::{
    made::{OF_CLIENT, Scale},
    plan::Plan,
    session::Session,
};

/// The plans of one read.
pub(crate) struct Reading {
    pub(crate) name: String,
    /// The number of result rows, at every scale.
    pub(crate) rows: u64,
    pub(crate) plans: [Plan; 2],
}

/// Runs each read of the store: the first page, and one deep inside. Reads whose documented cost is
/// proportional are left out: a page by number, counting up to a limit, the backlog, and recounting.
///
/// Claims the due lanes.
pub(crate) async fn read_everything(session: &Session, scale: Scale) -> Vec<Reading> {
    let mut reader = Reader {
        session,
        scale,
        taken: Vec::new(),
    };
    let some = reader.lanes().await;
    reader.conversation(some).await;
    reader.list("a client", client_scope(0), OF_CLIENT).await;
    reader.list("an agent", agent_scope(0), scale.of_agent()).await;
    reader
        .list("an admin", admin_scope(0), scale.conversations())
        .await;
    reader.totals().await;
    reader.reassignment().await;
    reader.history().await;
    reader.logs().await;
    reader.taken
}

pub(crate) struct Reader<'s> {
    pub(crate) session: &'s Session,
    pub(crate) scale: Scale,
    taken: Vec<Reading>,
}

/// A page reads one more row to know whether there are more.
const LIST: usize = PageSize::LIST.get() + 1;
const HISTORY: usize = PageSize::HISTORY.get() + 1;
/// The chunk size of a reassignment.
const CHUNK: usize = 100;

impl Reader<'_> {
    pub(crate) fn store(&self) -> PgStore {
        self.session.store().clone()
    }

    /// Runs a read whose statement has these arguments and this number of result rows.
    pub(crate) async fn read<T>(
        &mut self,
        name: impl Into<String>,
        rows: usize,
        arguments: String,
        step: impl Future<Output = Result<T, StoreError>>,
    ) {
        let (name, rows) = (name.into(), rows as u64);
        let plans = self.session.explain(step, &arguments).await;
        for plan in &plans {
            assert_eq!(plan.rows(), rows, "rows of {name}");
        }
        self.taken.push(Reading { name, rows, plans });
    }

    async fn conversation(&mut self, id: ConversationId) {
        let store = self.store();
        let arguments = format!("'{id}'");
        self.read(
            "conversation",
            1,
            arguments.clone(),
            store.find_conversation(id.into()),
        )
        .await;
        self.read("summary", 1, arguments.clone(), store.find_summary(id))
            .await;
        self.read("bookings", 3, arguments, store.list_bookings(id)).await;
    }

    async fn list(&mut self, whose: &str, scope: ListScope, of: usize) {
        let store = self.store();
        let owner = match &scope {
            ListScope::Client(user) => format!(", '{user}'"),
            ListScope::Agent { agent_id, user_id } => format!(", '{agent_id}', '{user_id}'"),
            ListScope::All(_) => String::new(),
        };
        let newest = scan(scope.clone(), ListStart::Newest);
        let step = store.list_conversations(&newest);
        self.read(format!("list of {whose}"), LIST, format!("{LIST}{owner}"), step)
            .await;

        let skipping = scan(scope.clone(), ListStart::Skip(of / 2));
        let middle = store
            .list_conversations(&skipping)
            .await
            .unwrap()
            .rows
            .swap_remove(0);
        let (activity_at, id) = (middle.conversation.activity_at, middle.conversation.id);
        let deep = ListStart::After(ListCursor::new(scope.clone(), activity_at, id));
        let deep = scan(scope, deep);
        let step = store.list_conversations(&deep);
        let arguments = format!("{LIST}, '{activity_at}', '{id}'{owner}");
        self.read(format!("list of {whose}, deep"), LIST, arguments, step)
            .await;
    }

    async fn totals(&mut self) {
        let store = self.store();
        let (client, agency, agent) = (client_id(0), agency_id(0), agent_user_id(0));
        for (whose, scope, arguments) in [
            ("a client", client_scope(0), format!("'{client}'")),
            ("an agent", agent_scope(0), format!("'{agency}', '{agent}'")),
            ("an admin", admin_scope(0), format!("'{}'", admin_id(0))),
            (
                "an admin who is a client",
                ListScope::All(client.clone()),
                format!("'{client}'"),
            ),
            (
                "an admin who is an agent",
                ListScope::All(agent.clone()),
                format!("'{agent}'"),
            ),
        ] {
            let step = store.count_unread(&scope);
            self.read(format!("unread total of {whose}"), 1, arguments, step)
                .await;
        }
    }

    async fn reassignment(&mut self) {
        let store = self.store();
        let agency = agency_id(0);
        let step = store.list_agent_conversations(&agency, None, CHUNK);
        let arguments = format!("'{agency}', NULL, {CHUNK}");
        self.read("chunk of an agent's", CHUNK, arguments, step).await;

        let skipped = self.scale.of_agent() / 2;
        let before = store
            .list_agent_conversations(&agency, None, skipped)
            .await
            .unwrap();
        let last = before.last().unwrap().id;
        let step = store.list_agent_conversations(&agency, Some(last), CHUNK);
        let arguments = format!("'{agency}', '{last}', {CHUNK}");
        self.read("chunk of an agent's, deep", CHUNK, arguments, step)
            .await;
    }

    /// Pages of the long conversation, which is the oldest.
    async fn history(&mut self) {
        let store = self.store();
        let oldest = store
            .list_agent_conversations(&agency_id(0), None, 1)
            .await
            .unwrap();
        let id = oldest[0].id;
        assert_eq!(oldest[0].last_seq, self.scale.longest() as u64);
        let middle = oldest[0].last_seq / 2;
        for (name, direction, seq) in [
            ("history", Direction::Newest, i64::MAX as u64),
            ("history before, deep", Direction::Before(middle), middle),
            ("history after the beginning", Direction::After(0), 0),
            ("history after, deep", Direction::After(middle), middle),
        ] {
            let scan = history(id, direction);
            let arguments = format!("'{id}', {seq}, {HISTORY}");
            // The conversation and each receipt are additional rows.
            let rows = 1 + HISTORY + receipts(&store, &scan).await;
            self.read(name, rows, arguments, store.list_messages(&scan)).await;
        }
        let page = store
            .list_messages(&history(id, Direction::Before(middle)))
            .await
            .unwrap();
        let rows = page.unwrap().rows;
        let sent = rows.iter().find_map(|row| {
            row.message
                .origin
                .sender()
                .zip(row.message.idempotency_key.as_ref())
        });
        let (sender, key) = sent.unwrap();
        let arguments = format!("'{id}', '{sender}', '{}'", key.as_str());
        let step = store.find_sent(id, Some(sender), key);
        self.read("message by its key", 1, arguments, step).await;
    }
}

fn scan(scope: ListScope, start: ListStart) -> ListScan {
    ListScan::new(scope, start, PageSize::LIST)
}

fn history(conversation_id: ConversationId, direction: Direction) -> HistoryScan {
    HistoryScan::new(conversation_id, direction, PageSize::HISTORY)
}

/// The number of receipts that cover one of the messages of a page first, of the message beyond it included.
async fn receipts(store: &PgStore, scan: &HistoryScan) -> usize {
    let limit = PageSize::new(HISTORY).unwrap();
    let scan = HistoryScan::new(scan.conversation_id, scan.direction, limit);
    let page = store.list_messages(&scan).await.unwrap().unwrap();
    let of = |side| {
        let read = page.rows.iter().filter_map(|row| *row.read.of(side));
        read.collect::<BTreeSet<_>>().len()
    };
    Side::ALL.into_iter().map(of).sum()
}
