use std::time::Duration;

use super::SchemaName;

/// Options of a [`PgStore`](super::PgStore).
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
    /// Minimum number of messages, or of look-ups, of a combined statement: two, unless a test sets it to one.
    pub(super) batch_threshold: usize,
}

/// The connection pooler between the store and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pooler {
    /// No pooler, or one that keeps a connection and its prepared statements for the client: PgBouncer in
    /// session mode, or since version 1.21 with `max_prepared_statements`. A step is one statement and one
    /// round trip.
    ///
    /// Behind a transaction pooler, a store beside a host's pool detects the pooler and works as with
    /// [`Transaction`](Self::Transaction). A store [from a URL](super::PgStore::from_url) is refused: no step
    /// gets a connection, and each fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable). A store [on a host's
    /// pool](super::PgStore::on_pool) must not use this value there: steps fail with
    /// [`Internal`](messaging_core::store::StoreErrorKind::Internal) as soon as two connections give one name
    /// to different statements, and clients that share the pooler's connections with the same role and database
    /// could execute each other's prepared statements.
    #[default]
    Session,
    /// A pooler that assigns a connection per transaction and keeps no prepared statements: PgBouncer in
    /// transaction mode before version 1.21. A step is one statement in its own transaction, prepared anew:
    /// four round trips.
    Transaction,
}

/// Whether the relay's clock is compared with the database's before lanes are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClockCheck {
    /// Clocks are compared. A relay whose clock is off by more than a third of its lease gets no lanes, since
    /// leases are meaningless between clocks that far apart: claiming fails with
    /// [`ReadOnly`](messaging_core::store::StoreErrorKind::ReadOnly), caused by a
    /// [`ClockSkew`](super::ClockSkew), until the clocks agree. A time of a conversation, a message or a
    /// receipt that is more than a second ahead of the database's clock is reduced to that limit.
    #[default]
    On,
    /// Clocks are not compared: for tests with a manual clock.
    Off,
}

/// Whether concurrent messages are committed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum GroupCommit {
    /// Messages that arrive during a commit are committed together by the next, as one statement with a result
    /// for each message. A message that finds no commit in flight is committed at once. Under load this takes a
    /// fraction of the commits and of the connections.
    #[default]
    On,
    /// Each message is a commit of its own.
    Off,
}

impl Default for PgOptions {
    /// The defaults: schema `messaging`, 5 seconds to get a connection, 5 seconds for a statement, of which at
    /// most 1 second waits for a lock, at most 5 connections, no pooler, clocks compared, group commit on, at
    /// most 1,000 waiting messages.
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
            batch_threshold: 2,
        }
    }
}

impl PgOptions {
    /// Sets the schema that holds all tables.
    #[must_use]
    pub fn with_schema(mut self, schema: SchemaName) -> Self {
        self.schema = schema;
        self
    }

    /// Sets how long a step waits for a connection before it fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_acquire_timeout(mut self, limit: Duration) -> Self {
        self.acquire_timeout = limit;
        self
    }

    /// Sets the statement timeout. The server ends a statement that takes longer, and its step fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable): nothing was changed. [On a host's
    /// pool](super::PgStore::on_pool) without a pooler, whose settings are left alone, and where the server
    /// does not answer at all, the store ends the connection; a write then fails with
    /// [`OutcomeUnknown`](messaging_core::store::StoreErrorKind::OutcomeUnknown).
    #[must_use]
    pub fn with_statement_timeout(mut self, limit: Duration) -> Self {
        self.statement_timeout = limit;
        self
    }

    /// Sets how long a statement waits for a row that another transaction has locked before its step fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable): nothing was changed. At least a
    /// millisecond; choose it well below the statement timeout, so that a locked row occupies a connection for
    /// a short time only. Most steps wait for 50 ms first, and for the full time only as one of a few. [On a
    /// host's pool](super::PgStore::on_pool) without a pooler, whose settings are left alone, the
    /// `lock_timeout` of its sessions applies.
    #[must_use]
    pub fn with_lock_timeout(mut self, limit: Duration) -> Self {
        self.lock_timeout = limit;
        self
    }

    /// Sets how many connections the store opens at most, at least 1; migrating takes one more. Has no effect
    /// [on a host's pool](super::PgStore::on_pool), which has its own limit.
    #[must_use]
    pub fn with_max_connections(mut self, count: u32) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// Sets the pooler between the store and the database.
    #[must_use]
    pub fn with_pooler(mut self, pooler: Pooler) -> Self {
        self.pooler = pooler;
        self
    }

    /// Sets whether clocks are compared.
    #[must_use]
    pub fn with_clock_check(mut self, check: ClockCheck) -> Self {
        self.clock_check = check;
        self
    }

    /// Sets whether concurrent messages are committed together.
    #[must_use]
    pub fn with_group_commit(mut self, group_commit: GroupCommit) -> Self {
        self.group_commit = group_commit;
        self
    }

    /// Sets how many messages may wait for the commit in flight, at least 1; one more fails with
    /// [`Unavailable`](messaging_core::store::StoreErrorKind::Unavailable) at once. They wait in two queues, by
    /// conversation, and each holds half of them.
    #[must_use]
    pub fn with_max_waiting(mut self, count: usize) -> Self {
        self.max_waiting = count.max(1);
        self
    }

    #[cfg(test)]
    pub(super) fn with_batch_threshold(mut self, count: usize) -> Self {
        self.batch_threshold = count;
        self
    }
}
