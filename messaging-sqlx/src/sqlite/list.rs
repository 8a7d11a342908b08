//! Lists of conversations, each along one index.

use messaging_core::{
    domain::{conversation::Conversation, scope::ListScope},
    id::{AgentId, ConversationId},
    store::{ListPage, ListScan, ListStart},
};
use sqlx::{Error, SqliteConnection};

use super::rows::{self, conversation_columns, select_overview};
use crate::codes::{limit, number};

macro_rules! of_client {
    () => {
        "c.client_id = ?"
    };
}
macro_rules! of_agent {
    () => {
        "c.agent_id = ? AND c.agent_user_id = ?"
    };
}
macro_rules! newest_first {
    () => {
        "ORDER BY c.activity_at DESC, c.id DESC LIMIT ?"
    };
}

/// A text for each kind of scope.
pub(super) struct PerScope {
    pub(super) client: &'static str,
    pub(super) agent: &'static str,
    pub(super) all: &'static str,
}

macro_rules! per_scope {
    ($before:expr, $and:literal, $where:literal, $after:expr) => {
        PerScope {
            client: concat!($before, "WHERE ", of_client!(), $and, $after),
            agent: concat!($before, "WHERE ", of_agent!(), $and, $after),
            all: concat!($before, $where, $after),
        }
    };
}

pub(super) const FROM_NEWEST: PerScope = per_scope!(select_overview!(), " ", "", newest_first!());
pub(super) const FROM_CURSOR: PerScope = per_scope!(
    select_overview!(),
    " AND (c.activity_at, c.id) < (?, ?) ",
    "WHERE (c.activity_at, c.id) < (?, ?) ",
    newest_first!()
);
pub(super) const FROM_OFFSET: PerScope =
    per_scope!(select_overview!(), " ", "", concat!(newest_first!(), " OFFSET ?"));
pub(super) const COUNT: PerScope = per_scope!(
    "SELECT COUNT(*) FROM (SELECT 1 FROM conversation c ",
    " ",
    "",
    "LIMIT ?)"
);

/// An admin's count is the sum over both sides; a user on both sides counts as the client.
pub(super) const UNREAD: PerScope = PerScope {
    client: "SELECT COALESCE(SUM(client_received - client_read), 0) FROM conversation
        WHERE client_id = ? AND client_received > client_read",
    agent: "SELECT COALESCE(SUM(agent_received - agent_read), 0) FROM conversation
        WHERE agent_id = ? AND agent_user_id = ? AND agent_received > agent_read",
    all: "SELECT (SELECT COALESCE(SUM(client_received - client_read), 0) FROM conversation
        WHERE client_id = ?1 AND client_received > client_read)
        + (SELECT COALESCE(SUM(agent_received - agent_read), 0) FROM conversation
        WHERE agent_user_id = ?1 AND client_id <> ?1 AND agent_received > agent_read)",
};

/// Every id is larger than the empty blob.
pub(super) const OF_AGENT: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversation c WHERE c.agent_id = ? AND c.id > COALESCE(?, x'') ORDER BY c.id LIMIT ?"
);

pub(super) async fn page(connection: &mut SqliteConnection, scan: &ListScan) -> Result<ListPage, Error> {
    let sql = match &scan.start {
        ListStart::Newest => FROM_NEWEST,
        ListStart::After(_) => FROM_CURSOR,
        ListStart::Skip(_) => FROM_OFFSET,
    };
    let size = scan.limit.get();
    let mut query = sqlx::query(sql.of(&scan.scope));
    query = match &scan.scope {
        ListScope::Client(user_id) => query.bind(user_id.as_str()),
        ListScope::Agent { agent_id, user_id } => query.bind(agent_id.as_str()).bind(user_id.as_str()),
        ListScope::All(_) => query,
    };
    if let ListStart::After(cursor) = &scan.start {
        query = query
            .bind(cursor.activity_at().as_millis())
            .bind(cursor.id().as_uuid());
    }
    query = query.bind(limit(size + 1));
    if let ListStart::Skip(count) = scan.start {
        query = query.bind(limit(count));
    }

    let found = query.fetch_all(connection).await?;
    let summaries = found.iter().take(size).map(rows::summary);
    Ok(ListPage::new(summaries.collect::<Result<_, _>>()?).with_has_more(found.len() > size))
}

pub(super) async fn count(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    cap: u64,
) -> Result<u64, Error> {
    let query = sqlx::query_scalar(COUNT.of(scope));
    let query = match scope {
        ListScope::Client(user_id) => query.bind(user_id.as_str()),
        ListScope::Agent { agent_id, user_id } => query.bind(agent_id.as_str()).bind(user_id.as_str()),
        ListScope::All(_) => query,
    };
    query.bind(number(cap)).fetch_one(connection).await
}

pub(super) async fn unread(connection: &mut SqliteConnection, scope: &ListScope) -> Result<u64, Error> {
    let query = sqlx::query_scalar(UNREAD.of(scope));
    let query = match scope {
        ListScope::Client(user_id) | ListScope::All(user_id) => query.bind(user_id.as_str()),
        ListScope::Agent { agent_id, user_id } => query.bind(agent_id.as_str()).bind(user_id.as_str()),
    };
    query.fetch_one(connection).await
}

pub(super) async fn of_agent(
    connection: &mut SqliteConnection,
    agent_id: &AgentId,
    after: Option<ConversationId>,
    rows: usize,
) -> Result<Vec<Conversation>, Error> {
    let found = sqlx::query(OF_AGENT)
        .bind(agent_id.as_str())
        .bind(after.map(|id| id.as_uuid()))
        .bind(limit(rows))
        .fetch_all(connection)
        .await?;
    found.iter().map(rows::conversation).collect()
}

impl PerScope {
    fn of(&self, scope: &ListScope) -> &'static str {
        match scope {
            ListScope::Client(_) => self.client,
            ListScope::Agent { .. } => self.agent,
            ListScope::All(_) => self.all,
        }
    }
}
