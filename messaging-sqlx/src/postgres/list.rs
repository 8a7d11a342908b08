//! Lists of conversations, each along one index.

use std::cmp::Reverse;

use messaging_core::{
    domain::{conversation::Conversation, page::PageSize, scope::ListScope},
    id::{AgentId, ConversationId, UserId},
    store::{ListPage, ListScan, ListStart, StoreError},
};
use sqlx::{Error, postgres::PgRow};

use super::{
    PgStore,
    by_index::few,
    call::Statement,
    error::failed,
    rows::{self, conversation_columns, instant, last_message, summary_columns},
    shared_reads::{LookUp, QueueOf, SharedReads},
    statements::Statements,
};
use crate::codes::{limit, number};

/// A value for each kind of scope.
#[derive(Debug, Clone)]
pub(super) struct PerScope<T> {
    pub(super) client: T,
    pub(super) agent: T,
    pub(super) all: T,
}

impl<T> PerScope<T> {
    fn of(&self, scope: &ListScope) -> &T {
        match scope {
            ListScope::Client(_) => &self.client,
            ListScope::Agent { .. } => &self.agent,
            ListScope::All(_) => &self.all,
        }
    }
}

/// The order of all lists. Indexes have the minute of the activity, which few messages change; conversations of the same
/// minute are sorted. So it is the order of (`activity_at`, id).
macro_rules! newest_first {
    () => {
        " ORDER BY c.activity_minute DESC, c.activity_at DESC, c.id DESC"
    };
}
/// A condition on conversations after the activity `$2` and the id `$3` of another one.
macro_rules! after {
    () => {
        "c.activity_minute <= date_bin('1 minute', $2::timestamptz, '2000-01-01 00:00:00+00')
            AND (c.activity_at, c.id) < ($2, $3)"
    };
}
/// A page of conversations, joined with their summaries only after the limit. `$from` are conversations of whole minutes,
/// as many as the page needs.
macro_rules! page {
    ($from:expr, $rest:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            " FROM (SELECT * FROM ",
            $from,
            newest_first!(),
            " ",
            $rest,
            ") c ",
            last_message!(),
            newest_first!()
        )
    };
}
/// The conversations of whole minutes, the newest first, along an index: at least `$count`, if there are so many.
macro_rules! minutes {
    ($conversations:expr, $count:literal) => {
        concat!(
            "(SELECT * FROM ",
            $conversations,
            " ORDER BY c.activity_minute DESC FETCH FIRST ",
            $count,
            " ROWS WITH TIES) c"
        )
    };
}
/// The conversations at the start of a page: first one more than the largest page holds, of these one more than the page
/// holds. The planner estimates an unknown limit at a tenth of the table, and would sort the table.
macro_rules! beginning {
    ($which:expr) => {
        beginning!($which, "$1")
    };
    ($which:expr, $count:literal) => {
        minutes!(
            minutes!(concat!(r#""messaging".conversation c "#, $which), "101"),
            $count
        )
    };
}
const _: () = assert!(PageSize::MAX == 100);

/// `$1` limit, then the scope's id.
pub(super) const FROM_NEWEST: PerScope<&str> = PerScope {
    client: page!(beginning!("WHERE c.client_id = $2"), "LIMIT $1"),
    agent: page!(
        beginning!("WHERE c.agent_id = $2 AND c.agent_user_id = $3"),
        "LIMIT $1"
    ),
    all: page!(beginning!(""), "LIMIT $1"),
};
/// The newest pages of several lists `w`, with the place of each.
macro_rules! newest_of_each {
    ($which:literal, $lists:literal) => {
        concat!(
            "SELECT p.*, w.place FROM ",
            $lists,
            " CROSS JOIN LATERAL (",
            page!(beginning!($which, "w.size"), "LIMIT w.size"),
            ") p WHERE ",
            few!("w.place")
        )
    };
}
/// `$1` limits, `$2` clients.
pub(super) const OF_CLIENTS: &str = newest_of_each!(
    "WHERE c.client_id = w.user_id",
    "unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS w (size, user_id, place)"
);
/// `$1` limits, `$2` agents, `$3` their users.
pub(super) const OF_AGENTS: &str = newest_of_each!(
    "WHERE c.agent_id = w.agent_id AND c.agent_user_id = w.user_id",
    "unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS w (size, agent_id, user_id, place)"
);
/// `$1` limit, `$2` activity and `$3` id of the last one seen, then the scope's id.
pub(super) const FROM_CURSOR: PerScope<&str> = PerScope {
    client: page!(
        beginning!(concat!("WHERE c.client_id = $4 AND ", after!())),
        "LIMIT $1"
    ),
    agent: page!(
        beginning!(concat!(
            "WHERE c.agent_id = $4 AND c.agent_user_id = $5 AND ",
            after!()
        )),
        "LIMIT $1"
    ),
    all: page!(beginning!(concat!("WHERE ", after!())), "LIMIT $1"),
};
/// The conversations up to the end of a page that skips `$2`.
macro_rules! through {
    ($which:literal) => {
        minutes!(
            concat!(r#""messaging".conversation c "#, $which),
            "($1::bigint + $2::bigint)"
        )
    };
}

/// `$1` limit, `$2` how many to skip, then the scope's id.
pub(super) const FROM_OFFSET: PerScope<&str> = PerScope {
    client: page!(through!("WHERE c.client_id = $3"), "LIMIT $1 OFFSET $2"),
    agent: page!(
        through!("WHERE c.agent_id = $3 AND c.agent_user_id = $4"),
        "LIMIT $1 OFFSET $2"
    ),
    all: page!(through!(""), "LIMIT $1 OFFSET $2"),
};

macro_rules! count {
    ($which:literal) => {
        concat!(
            r#"SELECT COUNT(*) AS count FROM (SELECT FROM "messaging".conversation c "#,
            $which,
            " LIMIT $1) c"
        )
    };
}

/// `$1` the cap, then the scope's id.
pub(super) const COUNT: PerScope<&str> = PerScope {
    client: count!("WHERE c.client_id = $2"),
    agent: count!("WHERE c.agent_id = $2 AND c.agent_user_id = $3"),
    all: count!("ORDER BY c.activity_minute DESC"),
};

/// `$1` agent, `$2` the last one seen, `$3` limit. Every id is larger than nil.
pub(super) const OF_AGENT: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    r#" FROM "messaging".conversation c WHERE c.agent_id = $1
        AND c.id > COALESCE($2::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY c.id LIMIT $3"#
);

const LISTING: &str = "listing conversations";

/// The maximum number of lists of a statement.
const MAX_SHARED: usize = 32;

/// The newest page of a client's list.
#[derive(Debug, Clone)]
pub(super) struct ClientList {
    size: PageSize,
    user_id: UserId,
}

/// The newest page of the list of an agent's user.
#[derive(Debug, Clone)]
pub(super) struct AgentList {
    size: PageSize,
    agent_id: AgentId,
    user_id: UserId,
}

impl PgStore {
    /// Lists a page. The newest pages of clients and of agents' users are [shared](super::shared_reads).
    pub(super) async fn list_page(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        let size = scan.limit;
        match (&scan.scope, &scan.start) {
            (ListScope::Client(user_id), ListStart::Newest) => {
                let user_id = user_id.clone();
                self.look_up(&ClientList { size, user_id }).await
            }
            (ListScope::Agent { agent_id, user_id }, ListStart::Newest) => {
                let (agent_id, user_id) = (agent_id.clone(), user_id.clone());
                let of = AgentList {
                    size,
                    agent_id,
                    user_id,
                };
                self.look_up(&of).await
            }
            _ => self.list_page_alone(scan).await,
        }
    }

    async fn list_page_alone(&self, scan: &ListScan) -> Result<ListPage, StoreError> {
        let statements = &self.0.statements;
        let sql = match &scan.start {
            ListStart::Newest => &statements.from_newest,
            ListStart::After(_) => &statements.from_cursor,
            ListStart::Skip(_) => &statements.from_offset,
        };
        let statement = sqlx::query(sql.of(&scan.scope).clone()).bind(limit(scan.limit.get() + 1));
        let statement = match &scan.start {
            ListStart::Newest => statement,
            ListStart::After(cursor) => statement
                .bind(instant(cursor.activity_at()))
                .bind(cursor.id().as_uuid()),
            ListStart::Skip(count) => statement.bind(limit(*count)),
        };
        let statement = bind_owner(statement, &scan.scope);
        let found = self.read(LISTING, statement).await?;
        page(&found, scan.limit).map_err(failed(LISTING))
    }

    pub(super) async fn count(&self, scope: &ListScope, cap: u64) -> Result<u64, StoreError> {
        const DOING: &str = "counting conversations";
        let statement = sqlx::query(self.0.statements.count.of(scope).clone()).bind(number(cap));
        self.number(DOING, bind_owner(statement, scope)).await
    }

    pub(super) async fn of_agent(
        &self,
        agent_id: &AgentId,
        after: Option<ConversationId>,
        rows: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        const DOING: &str = "listing an agent's conversations";
        let statement = sqlx::query(self.0.statements.of_agent.clone())
            .bind(agent_id.as_str())
            .bind(after.map(|id| id.as_uuid()))
            .bind(limit(rows));
        let found = self.read(DOING, statement).await?;
        let found = found.iter().map(rows::conversation);
        found.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// Returns the single number of a statement's answer.
    pub(super) async fn number(
        &self,
        doing: &'static str,
        statement: Statement<'_>,
    ) -> Result<u64, StoreError> {
        let answered = self.read(doing, statement).await?;
        let row: Result<&PgRow, _> = answered.first().ok_or(Error::RowNotFound);
        row.and_then(|row| rows::count(row, "count"))
            .map_err(failed(doing))
    }
}

impl LookUp for ClientList {
    type Answer = ListPage;

    const DOING: &'static str = LISTING;
    const MAX_SHARED: usize = MAX_SHARED;

    fn queue(reads: &SharedReads) -> &QueueOf<Self> {
        &reads.client_list
    }

    fn one(&self, texts: &Statements) -> Statement<'_> {
        sqlx::query(texts.from_newest.client.clone())
            .bind(limit(self.size.get() + 1))
            .bind(self.user_id.as_str())
    }

    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q> {
        let limits: Vec<_> = look_ups.iter().map(|of| limit(of.size.get() + 1)).collect();
        let users: Vec<_> = look_ups.iter().map(|of| of.user_id.as_str()).collect();
        sqlx::query(texts.lists_of_clients.clone())
            .bind(limits)
            .bind(users)
    }

    fn answer(&self, rows: &[PgRow]) -> Result<ListPage, Error> {
        page(rows, self.size)
    }
}

impl LookUp for AgentList {
    type Answer = ListPage;

    const DOING: &'static str = LISTING;
    const MAX_SHARED: usize = MAX_SHARED;

    fn queue(reads: &SharedReads) -> &QueueOf<Self> {
        &reads.agent_list
    }

    fn one(&self, texts: &Statements) -> Statement<'_> {
        sqlx::query(texts.from_newest.agent.clone())
            .bind(limit(self.size.get() + 1))
            .bind(self.agent_id.as_str())
            .bind(self.user_id.as_str())
    }

    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q> {
        let limits: Vec<_> = look_ups.iter().map(|of| limit(of.size.get() + 1)).collect();
        let agents: Vec<_> = look_ups.iter().map(|of| of.agent_id.as_str()).collect();
        let users: Vec<_> = look_ups.iter().map(|of| of.user_id.as_str()).collect();
        sqlx::query(texts.lists_of_agents.clone())
            .bind(limits)
            .bind(agents)
            .bind(users)
    }

    fn answer(&self, rows: &[PgRow]) -> Result<ListPage, Error> {
        page(rows, self.size)
    }
}

/// Reads a page and one more conversation, if there is one. A statement for several pages does not order its rows.
fn page(found: &[PgRow], size: PageSize) -> Result<ListPage, Error> {
    let mut summaries: Vec<_> = found.iter().map(rows::summary).collect::<Result<_, _>>()?;
    summaries.sort_by_key(|summary| Reverse((summary.conversation.activity_at, summary.conversation.id)));
    let has_more = summaries.len() > size.get();
    summaries.truncate(size.get());
    Ok(ListPage::new(summaries).with_has_more(has_more))
}

fn bind_owner<'q>(statement: Statement<'q>, scope: &ListScope) -> Statement<'q> {
    match scope {
        ListScope::Client(user_id) => statement.bind(user_id.as_str()),
        ListScope::Agent { agent_id, user_id } => statement.bind(agent_id.as_str()).bind(user_id.as_str()),
        ListScope::All(_) => statement,
    }
}
