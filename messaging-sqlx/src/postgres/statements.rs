//! Every statement of the store, with the schema's name filled in.

use messaging_core::domain::side::PerSide;
use sqlx::SqlStr;

use super::{
    SchemaName, activity, append, append_many, audit, change_state, claim, conversations, dead_letters,
    digest_sql, erasure, history, limiter, list, list::PerScope, load, mark_read, moderation, open, outbox,
    probe, recount, unlink, unread,
};

macro_rules! statements {
    ($($name:ident: $shape:ty = $template:expr;)*) => {
        /// The statements, filled in once when the store is built.
        pub(super) struct Statements {
            $(pub(super) $name: $shape,)*
        }

        impl Statements {
            pub(super) fn new(schema: &SchemaName) -> Self {
                Self { $($name: $template.filled(schema),)* }
            }

            #[cfg(test)]
            pub(super) fn all(&self) -> Vec<(&'static str, &SqlStr)> {
                let mut all = Vec::new();
                $(all.extend(self.$name.each().into_iter().map(|sql| (stringify!($name), sql)));)*
                all
            }
        }
    };
}

statements! {
    append: SqlStr = append::APPEND;
    append_skipping: SqlStr = append::APPEND_SKIPPING;
    access_version: SqlStr = append::ACCESS_VERSION;
    append_many: SqlStr = append_many::APPEND_MANY;
    append_many_waiting: SqlStr = append_many::APPEND_MANY_WAITING;
    mark_read: PerSide<SqlStr> = mark_read::MARK_READ;
    change_state: SqlStr = change_state::CHANGE_STATE;
    open: SqlStr = open::OPEN;
    open_in_transaction: SqlStr = open::OPEN_IN;
    find: SqlStr = conversations::FIND;
    find_several: SqlStr = conversations::FIND_SEVERAL;
    find_by_pair: SqlStr = conversations::FIND_BY_PAIR;
    find_by_booking: SqlStr = conversations::FIND_BY_BOOKING;
    summary: SqlStr = conversations::SUMMARY;
    bookings: SqlStr = conversations::BOOKINGS;
    newest_bookings: SqlStr = conversations::NEWEST_BOOKINGS;
    unlink: SqlStr = unlink::UNLINK;
    from_newest: PerScope<SqlStr> = list::FROM_NEWEST;
    from_cursor: PerScope<SqlStr> = list::FROM_CURSOR;
    from_offset: PerScope<SqlStr> = list::FROM_OFFSET;
    count: PerScope<SqlStr> = list::COUNT;
    lists_of_clients: SqlStr = list::OF_CLIENTS;
    lists_of_agents: SqlStr = list::OF_AGENTS;
    unread: PerScope<SqlStr> = unread::UNREAD;
    unread_of_clients: SqlStr = unread::OF_CLIENTS;
    unread_of_agents: SqlStr = unread::OF_AGENTS;
    of_agent: SqlStr = list::OF_AGENT;
    before: SqlStr = history::BEFORE;
    after: SqlStr = history::AFTER;
    sent: SqlStr = history::SENT;
    claim: SqlStr = claim::CLAIM;
    number: SqlStr = claim::NUMBER;
    entries: SqlStr = load::ENTRIES;
    acknowledge: SqlStr = outbox::ACKNOWLEDGE;
    defer_lanes: SqlStr = outbox::DEFER;
    move_to_dead_letters: SqlStr = dead_letters::DEAD_LETTER;
    list_dead_letters: SqlStr = dead_letters::LIST;
    list_dead_letters_after: SqlStr = dead_letters::LIST_AFTER;
    requeue: SqlStr = dead_letters::REQUEUE;
    backlog: SqlStr = outbox::BACKLOG;
    claim_digests: SqlStr = digest_sql::CLAIM;
    unmailed: SqlStr = digest_sql::UNMAILED;
    record_attempt: SqlStr = digest_sql::RECORD;
    excerpts: SqlStr = digest_sql::EXCERPTS;
    mark_mailed: SqlStr = digest_sql::MARK_MAILED;
    complete_digest: SqlStr = digest_sql::FINISH;
    postpone_digests: SqlStr = digest_sql::POSTPONE;
    admit_push: SqlStr = digest_sql::ADMIT_PUSH;
    file_report: SqlStr = moderation::FILE;
    reports: SqlStr = moderation::LIST;
    reports_of_status: SqlStr = moderation::LIST_OF_STATUS;
    report: SqlStr = moderation::FIND;
    evidence: SqlStr = moderation::EVIDENCE;
    resolve_report: SqlStr = moderation::RESOLVE;
    traces: SqlStr = erasure::TRACES;
    erase_messages: SqlStr = erasure::ERASE_MESSAGES;
    erase_from_reports: SqlStr = erasure::ERASE_FROM_REPORTS;
    forget_user: SqlStr = erasure::FORGET_USER;
    activity: SqlStr = activity::COUNT;
    admit: SqlStr = limiter::ADMIT;
    give_back: SqlStr = limiter::GIVE_BACK;
    record: SqlStr = audit::RECORD;
    accesses: SqlStr = audit::ACCESSES;
    recount_page: SqlStr = recount::PAGE;
    recount: SqlStr = recount::RECOUNT;
    probe: SqlStr = probe::PROBE;
}

/// A statement that is executed once for each call of a use case.
#[cfg(feature = "texts")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Text {
    /// Appends a message in its own commit.
    Append,
    /// Lists a page of messages before a given one.
    History,
    /// Lists the first page of an agent's conversations.
    AgentList,
    /// Counts an agent's unread messages.
    AgentUnread,
}

#[cfg(feature = "texts")]
impl super::PgStore {
    /// Returns the text of a statement, with its parameters as `$1` and so on, for benchmarks of the database
    /// alone. The text is not part of the public contract, and changes with the schema.
    pub fn text(&self, of: Text) -> &str {
        let statements = &self.0.statements;
        let text = match of {
            Text::Append => &statements.append,
            Text::History => &statements.before,
            Text::AgentList => &statements.from_newest.agent,
            Text::AgentUnread => &statements.unread.agent,
        };
        text.as_str()
    }

    /// Returns the session settings that the store's own connections use for these statements.
    pub fn planning() -> [(&'static str, &'static str); 2] {
        super::settings::PLANNING
    }
}

/// A template, or a set of templates.
trait Template {
    type Filled;

    fn filled(self, schema: &SchemaName) -> Self::Filled;
}

impl Template for &str {
    type Filled = SqlStr;

    fn filled(self, schema: &SchemaName) -> SqlStr {
        schema.fill(self)
    }
}

impl Template for PerSide<&str> {
    type Filled = PerSide<SqlStr>;

    fn filled(self, schema: &SchemaName) -> PerSide<SqlStr> {
        PerSide::from_fn(|side| schema.fill(self.of(side)))
    }
}

impl Template for PerScope<&str> {
    type Filled = PerScope<SqlStr>;

    fn filled(self, schema: &SchemaName) -> PerScope<SqlStr> {
        PerScope {
            client: schema.fill(self.client),
            agent: schema.fill(self.agent),
            all: schema.fill(self.all),
        }
    }
}

#[cfg(test)]
trait Each {
    fn each(&self) -> Vec<&SqlStr>;
}

#[cfg(test)]
impl Each for SqlStr {
    fn each(&self) -> Vec<&SqlStr> {
        vec![self]
    }
}

#[cfg(test)]
impl Each for PerSide<SqlStr> {
    fn each(&self) -> Vec<&SqlStr> {
        vec![&self.client, &self.agent]
    }
}

#[cfg(test)]
impl Each for PerScope<SqlStr> {
    fn each(&self) -> Vec<&SqlStr> {
        vec![&self.client, &self.agent, &self.all]
    }
}
