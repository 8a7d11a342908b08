use std::time::Duration;

use super::SchemaName;

/// How a [`PgStore`](super::PgStore) uses its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgOptions {
    pub(super) schema: SchemaName,
    pub(super) acquire_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) lock_timeout: Duration,
    pub(super) max_connections: u32,
    pub(super) pooler: Pooler,
    pub(super) clock_check: ClockCheck,
    pub(super) group_commit: GroupCommit,
    pub(super) max_waiting: usize,
    /// From how many on messages go together: two, unless a test wants to see one do so.
    pub(super) together_from: usize,
}

/// What stands between the store and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pooler {
    /// Nothing, or something that keeps a connection for its client and so its prepared statements:
    /// PgBouncer in session mode, or from version 1.21 on with `max_prepared_statements`. A step is one
    /// statement and one round trip.
    ///
    /// Where [`Transaction`](Self::Transaction) is due, a store beside a host's pool finds out, and works so. One
    /// [from a URL](super::PgStore::from_url) is refused: no step gets a connection, with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable). One
    /// [on a host's pool](super::PgStore::on_pool) must never be given this there: steps
    /// fail with [`Internal`](messaging_core::store::StoreErrorKind::Internal), as soon as two
    /// connections give one name to different statements; and who shares the pooler's connections with
    /// others of the same role and database could execute what those have prepared.
    #[default]
    Session,
    /// Something that gives a client another connection for each transaction and keeps no prepared
    /// statements: PgBouncer in transaction mode before version 1.21. A step is one statement in a
    /// transaction of its own, prepared anew: four round trips.
    Transaction,
}

/// Whether the clock of the relay is compared with the database's before lanes are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClockCheck {
    /// It is. A relay whose clock is off by more than a third of its lease gets no lanes, since leases mean
    /// nothing between clocks that far apart: claiming fails with
    /// [`ReadOnly`](messaging_core::store::StoreErrorKind::ReadOnly) and a
    /// [`ClockSkew`](super::ClockSkew) as its cause, until the clocks agree. And no time of a conversation, a message or
    /// a receipt is written that is more than a second ahead of the database's clock: it becomes that.
    #[default]
    On,
    /// It is not: for tests whose clock is set by hand.
    Off,
}

/// Whether messages that arrive together are committed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum GroupCommit {
    /// Messages that arrive while a commit is in flight go together in the next, as one statement, each with its own
    /// result. One that finds none in flight goes at once. Under load this takes a fraction of the commits, and of
    /// the connections.
    #[default]
    On,
    /// Each message is a commit of its own.
    Off,
}

impl Default for PgOptions {
    /// The schema `messaging`, 5 seconds to get a connection, 5 seconds for a statement, of which at most
    /// 1 waits for a lock, at most 5 connections, no pooler in between, the clock compared, messages committed together, at
    /// most 1,000 waiting.
    fn default() -> Self {
        Self {
            schema: SchemaName::default(),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(1),
            max_connections: 5,
            pooler: Pooler::Session,
            clock_check: ClockCheck::On,
            group_commit: GroupCommit::On,
            max_waiting: 1000,
            together_from: 2,
        }
    }
}

impl PgOptions {
    /// In which schema everything is kept.
    #[must_use]
    pub fn with_schema(mut self, schema: SchemaName) -> Self {
        self.schema = schema;
        self
    }

    /// How long a step waits for a connection, before it is refused with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_acquire_timeout(mut self, limit: Duration) -> Self {
        self.acquire_timeout = limit;
        self
    }

    /// How long a statement may take. The server ends one that takes longer, and
    /// its step is [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable): nothing was
    /// changed. [On a host's pool](super::PgStore::on_pool) without a pooler in between, whose settings are left alone, and
    /// where the server does not answer at all, the store ends the connection; a write is then
    /// [`OutcomeUnknown`](messaging_core::store::StoreErrorKind::OutcomeUnknown).
    #[must_use]
    pub fn with_statement_timeout(mut self, limit: Duration) -> Self {
        self.statement_timeout = limit;
        self
    }

    /// How long a statement waits for a row that another transaction has locked, before its step is
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable): nothing was changed. A millisecond at
    /// least; well below the time-out for statements, so that a row that stays locked keeps a connection for no longer.
    /// Most steps wait for 50 ms first, and for so long only as one of a few.
    /// [On a host's pool](super::PgStore::on_pool) without a pooler in between, whose settings are left alone, the
    /// `lock_timeout` of its sessions is what counts.
    #[must_use]
    pub fn with_lock_timeout(mut self, limit: Duration) -> Self {
        self.lock_timeout = limit;
        self
    }

    /// How many connections the store opens at most, at least 1; migrating takes one more. Of no effect
    /// [on a host's pool](super::PgStore::on_pool), which has its own limit.
    #[must_use]
    pub fn with_max_connections(mut self, count: u32) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// What stands between the store and the database.
    #[must_use]
    pub fn with_pooler(mut self, pooler: Pooler) -> Self {
        self.pooler = pooler;
        self
    }

    /// Whether the clocks are compared.
    #[must_use]
    pub fn with_clock_check(mut self, check: ClockCheck) -> Self {
        self.clock_check = check;
        self
    }

    /// Whether messages that arrive together are committed together.
    #[must_use]
    pub fn with_group_commit(mut self, group_commit: GroupCommit) -> Self {
        self.group_commit = group_commit;
        self
    }

    /// How many messages may wait for the commit in flight, at least 1; one more is
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable) at once. They wait in two
    /// queues, by conversation, and each holds half of them.
    #[must_use]
    pub fn with_max_waiting(mut self, count: usize) -> Self {
        self.max_waiting = count.max(1);
        self
    }

    #[cfg(test)]
    pub(super) fn with_together_from(mut self, count: usize) -> Self {
        self.together_from = count;
        self
    }
}
