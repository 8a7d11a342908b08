//! Totals of unread messages.

use messaging_core::{
    domain::scope::ListScope,
    id::{AgentId, UserId},
    store::StoreError,
};
use sqlx::{Error, postgres::PgRow};

use super::{
    PgStore,
    by_index::few,
    call::Statement,
    list::PerScope,
    rows,
    shared_reads::{LookUp, QueueOf, SharedReads},
    statements::Statements,
};

const DOING: &str = "counting unread messages";

/// The maximum number of totals of a statement.
const MAX_SHARED: usize = 128;

macro_rules! of_client {
    ($user:literal) => {
        concat!(
            r#"(SELECT COALESCE(SUM(client_received - client_read), 0) FROM "messaging".conversation
                WHERE client_id = "#,
            $user,
            " AND client_unread)"
        )
    };
}
macro_rules! of_agent {
    ($which:literal) => {
        concat!(
            r#"(SELECT COALESCE(SUM(agent_received - agent_read), 0) FROM "messaging".conversation
                WHERE "#,
            $which,
            " AND agent_unread)"
        )
    };
}

/// An admin's count is the sum over both sides; a user on both sides counts as the client.
pub(super) const UNREAD: PerScope<&str> = PerScope {
    client: concat!("SELECT ", of_client!("$1"), "::bigint AS count"),
    agent: concat!(
        "SELECT ",
        of_agent!("agent_id = $1 AND agent_user_id = $2"),
        "::bigint AS count"
    ),
    all: concat!(
        "SELECT (",
        of_client!("$1"),
        " + ",
        of_agent!("agent_user_id = $1 AND client_id <> $1"),
        ")::bigint AS count"
    ),
};

/// `$1` clients.
pub(super) const OF_CLIENTS: &str = concat!(
    "SELECT ",
    of_client!("w.user_id"),
    "::bigint AS count, w.place FROM unnest($1::text[]) WITH ORDINALITY AS w (user_id, place) WHERE ",
    few!("w.place")
);

/// `$1` agents, `$2` their users.
pub(super) const OF_AGENTS: &str = concat!(
    "SELECT ",
    of_agent!("agent_id = w.agent_id AND agent_user_id = w.user_id"),
    "::bigint AS count, w.place FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (agent_id, user_id, place) WHERE ",
    few!("w.place")
);

/// The total of a client.
#[derive(Debug, Clone)]
pub(super) struct ClientTotal(UserId);

/// The total of an agent's user.
#[derive(Debug, Clone)]
pub(super) struct AgentTotal {
    agent_id: AgentId,
    user_id: UserId,
}

impl PgStore {
    pub(super) async fn unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        match scope {
            ListScope::Client(user_id) => self.look_up(&ClientTotal(user_id.clone())).await,
            ListScope::Agent { agent_id, user_id } => {
                let (agent_id, user_id) = (agent_id.clone(), user_id.clone());
                self.look_up(&AgentTotal { agent_id, user_id }).await
            }
            ListScope::All(user_id) => {
                let statement = sqlx::query(self.0.statements.unread.all.clone()).bind(user_id.as_str());
                self.number(DOING, statement).await
            }
        }
    }
}

impl LookUp for ClientTotal {
    type Answer = u64;

    const DOING: &'static str = DOING;
    const MAX_SHARED: usize = MAX_SHARED;

    fn queue(reads: &SharedReads) -> &QueueOf<Self> {
        &reads.client_total
    }

    fn one(&self, texts: &Statements) -> Statement<'_> {
        sqlx::query(texts.unread.client.clone()).bind(self.0.as_str())
    }

    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q> {
        let users: Vec<_> = look_ups.iter().map(|of| of.0.as_str()).collect();
        sqlx::query(texts.unread_of_clients.clone()).bind(users)
    }

    fn answer(&self, rows: &[PgRow]) -> Result<u64, Error> {
        total(rows)
    }
}

impl LookUp for AgentTotal {
    type Answer = u64;

    const DOING: &'static str = DOING;
    const MAX_SHARED: usize = MAX_SHARED;

    fn queue(reads: &SharedReads) -> &QueueOf<Self> {
        &reads.agent_total
    }

    fn one(&self, texts: &Statements) -> Statement<'_> {
        sqlx::query(texts.unread.agent.clone())
            .bind(self.agent_id.as_str())
            .bind(self.user_id.as_str())
    }

    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q> {
        let agents: Vec<_> = look_ups.iter().map(|of| of.agent_id.as_str()).collect();
        let users: Vec<_> = look_ups.iter().map(|of| of.user_id.as_str()).collect();
        sqlx::query(texts.unread_of_agents.clone())
            .bind(agents)
            .bind(users)
    }

    fn answer(&self, rows: &[PgRow]) -> Result<u64, Error> {
        total(rows)
    }
}

fn total(rows: &[PgRow]) -> Result<u64, Error> {
    rows::count(rows.first().ok_or(Error::RowNotFound)?, "count")
}
