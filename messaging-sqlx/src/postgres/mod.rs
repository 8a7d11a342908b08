//! The store on PostgreSQL, for production and any number of processes.
//!
//! All tables are in one schema, and every name in every statement is qualified with it, so neither the host's
//! tables nor its search path matter. The store opens its own connections, with its own session settings. It
//! uses the host's pool only on request ([`PgStore::on_pool`]), and then leaves that pool's settings alone.
//!
//! **A step is one statement.** It commits by itself, or together with others of its kind ([`GroupCommit`]), in
//! one round trip. The rules are the core's transitions (`Conversation::{append, read, apply}`); a statement
//! does to the row what they do to the value, and the conformance suite compares the two. Concurrent steps are
//! safe at `READ COMMITTED` for these reasons:
//!
//! - The conversation's row is the lock. A step's update names the access version that the step was decided on,
//!   waits for earlier transactions, and is then evaluated against the row as they left it.
//! - Unique indexes catch what a statement's snapshot cannot show: a message with the same key, or a
//!   conversation of the same pair, that another transaction has just committed. The statement then fails as a
//!   whole and is repeated.
//! - The statement that writes an outbox entry also extends or creates its conversation's lane. Acknowledging a
//!   lane locks it and compares its tail: either the entry is seen, or the writing step finds the lane gone.
//! - Locks are taken in one order: conversations by id, then lanes by id.
//!
//! ```text
//! port method ─> admit (once) ─> statement + arguments ─> Caller: connection, time limit ─> rows ─> values
//!                                                          └─ error: Before | Within | TimedOut ─> kind
//! ```

mod activity;
mod append;
mod append_many;
mod audit;
mod by_index;
mod call;
mod capabilities;
mod change_state;
mod claim;
mod connect;
mod connection_pool;
mod conversations;
mod dead_letters;
mod digest_sql;
mod digests;
mod erasure;
mod error;
mod group_commit;
mod history;
mod lanes;
mod limiter;
mod list;
mod load;
#[cfg(test)]
mod log;
mod mark_read;
mod migrate;
mod moderation;
mod moment;
mod open;
mod options;
mod outbox;
#[cfg(test)]
mod planned;
#[cfg(test)]
mod prepared;
mod probe;
mod recount;
mod rows;
mod scan_watermark;
mod schema_name;
mod settings;
mod shared_reads;
mod statements;
mod target_locks;
#[cfg(test)]
mod together;
mod unlink;
mod unread;
mod url;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use messaging_core::store::StoreError;
#[expect(unused_imports, reason = "for the links of the documentation")]
use messaging_core::store::StoreErrorKind;
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgRow};
use tokio::{sync::SemaphorePermit, time::timeout};

#[cfg(feature = "texts")]
pub use self::statements::Text;
use self::{
    call::{Caller, Statement},
    connect::Opener,
    connection_pool::ConnectionPool,
    error::{Effect, Failure, UNAVAILABLE, failed},
    statements::Statements,
    target_locks::{LockWait, Target},
};
pub use self::{
    claim::ClockSkew,
    limiter::PgRateLimiter,
    migrate::PgMigrator,
    options::{ClockCheck, GroupCommit, PgOptions, Pooler},
    schema_name::{InvalidSchemaName, SchemaName},
};

/// A store in a schema of a PostgreSQL database. Clones share connections, and what the store remembers; any number
/// of processes may use the same schema.
///
/// A completed step is as durable as a commit of the database. Requires a tokio runtime with time enabled.
///
/// ```no_run
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// use messaging_sqlx::PgStore;
///
/// let store = PgStore::new(pool); // opens up to 5 connections of its own, where those of the pool lead
/// store.migrate().await?;
/// # Ok(()) }
/// ```
///
/// | made by | connections | settings |
/// |---|---|---|
/// | [`new`](Self::new), [`with_options`](Self::with_options) | its own, at most 5, to the database of the host's pool | ours |
/// | [`from_url`](Self::from_url) | its own, at most 5, to a URL | ours |
/// | [`on_pool`](Self::on_pool) | exactly those of the host's pool | the host's |
#[derive(Clone)]
pub struct PgStore(Arc<Inner>);

struct Inner {
    caller: Caller,
    schema: SchemaName,
    statements: Statements,
    group_commit: Option<group_commit::GroupCommit>,
    shared_reads: shared_reads::SharedReads,
    target_locks: target_locks::TargetLocks,
    lock_timeout: Duration,
    /// Minimum number of messages of a round, or of look-ups, that are combined into one statement.
    batch_threshold: usize,
    clock_check: ClockCheck,
    scan_watermark: scan_watermark::ScanWatermark,
    /// Whether the clocks were too far apart at the last comparison.
    is_skewed: AtomicBool,
    /// Whether the database's version and encoding have been checked.
    admitted: AtomicBool,
}

impl PgStore {
    /// Creates a store with its own connections to the database of a host's pool, with the default
    /// [options](PgOptions): see [`with_options`](Self::with_options).
    pub fn new(pool: PgPool) -> Self {
        Self::with_options(pool, &PgOptions::default())
    }

    /// Creates a store with its own connections to the database of a host's pool, with the same role, at most 5
    /// unless the [options](PgOptions::with_max_connections) set another limit. The host's own connections are
    /// used only for work inside the host's transaction ([`open_in_transaction`](Self::open_in_transaction)).
    /// [Close](Self::close) the store before the process ends.
    ///
    /// Each connection is opened with the current [`PgPool::connect_options`], so a password set by
    /// [`PgPool::set_connect_options`] takes effect. Its session sets `plan_cache_mode`, `jit`,
    /// `statement_timeout` and `lock_timeout`. The pool's `after_connect` hook, for example `SET ROLE`, does
    /// not run: where it matters, and in a test that receives its pool, as with `#[sqlx::test]`, use
    /// [`on_pool`](Self::on_pool).
    ///
    /// Where a pooler refuses or ignores session settings, each step sets them in its own transaction, as with
    /// [`Pooler::Transaction`], and one warning is logged.
    ///
    /// No I/O: a database that is unreachable or not migrated is reported by the first step, which fails with
    /// [`Unavailable`](StoreErrorKind::Unavailable), or with [`Internal`](StoreErrorKind::Internal) and a
    /// [`SchemaError`](crate::SchemaError) as its cause.
    pub fn with_options(pool: PgPool, options: &PgOptions) -> Self {
        let opener = Opener::beside(pool, options);
        Self::on(ConnectionPool::own(opener, options.max_connections), options)
    }

    /// Creates a store on exactly a host's pool, whose settings and limits stay unchanged. Meant for tests that
    /// receive a pool, for a pool whose `after_connect` sets a role, and for a pool behind a transaction pooler
    /// when [the options name it](PgOptions::with_pooler). Each step is slower than with [`new`](Self::new):
    /// sqlx pings each returned connection, and the database plans some statements anew unless the pool's role
    /// has the settings. No I/O.
    pub fn on_pool(pool: PgPool, options: &PgOptions) -> Self {
        Self::on(ConnectionPool::Host(pool, options.pooler), options)
    }

    /// Creates a store with its own connections to a URL such as
    /// `postgres://user:password@host:5432/database?sslmode=verify-full`, at most 5 unless the options set
    /// another limit. No I/O. An open connection behaves as with [`new`](Self::new). TLS requires the feature
    /// `tls`, or a TLS feature of the host's own sqlx.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal) when the text is not a PostgreSQL URL.
    pub fn from_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let opener = Opener::to_url(url, options)?;
        Ok(Self::on(
            ConnectionPool::own(opener, options.max_connections),
            options,
        ))
    }

    fn on(pool: ConnectionPool, options: &PgOptions) -> Self {
        let connections = pool.size();
        Self(Arc::new(Inner {
            caller: Caller::new(pool, options),
            statements: Statements::new(&options.schema),
            schema: options.schema.clone(),
            group_commit: (options.group_commit == GroupCommit::On)
                .then(|| group_commit::GroupCommit::new(options)),
            shared_reads: shared_reads::SharedReads::default(),
            target_locks: target_locks::TargetLocks::new(connections),
            lock_timeout: options.lock_timeout,
            batch_threshold: options.batch_threshold,
            clock_check: options.clock_check,
            scan_watermark: scan_watermark::ScanWatermark::default(),
            is_skewed: AtomicBool::new(false),
            admitted: AtomicBool::new(false),
        }))
    }

    /// Migrates the schema to the version that this code needs, in one transaction on a connection of its own.
    /// Safe to call concurrently from any number of processes; a process that dies midway leaves no change
    /// behind. To migrate with another role, or by hand, use [`migrator`](Self::migrator).
    ///
    /// # Errors
    /// Those of [`PgMigrator::run`], and [`Unavailable`](StoreErrorKind::Unavailable) when the database
    /// cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        const CONNECTING: &str = "connecting to migrate the database";
        let opening = self.0.caller.pool().open();
        let connected = timeout(self.0.caller.acquire_timeout(), opening).await;
        let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let mut connection = connected.map_err(failed(CONNECTING))?;
        let migrated = self.migrator().run(&mut connection).await;
        // The migration is committed, whether or not closing succeeds.
        connection.close().await.ok();
        migrated
    }

    /// Returns the migrator of this store's schema.
    pub fn migrator(&self) -> PgMigrator {
        PgMigrator::new(self.0.schema.clone())
    }

    /// Waits for steps in progress, then closes the store's own connections. Every later step of this store and
    /// its clones fails with [`Unavailable`](StoreErrorKind::Unavailable). A store [on a host's
    /// pool](Self::on_pool) leaves that pool open and remains usable.
    pub async fn close(&self) {
        self.0.caller.pool().close().await;
    }

    /// Executes a read-only step and returns its rows.
    async fn read(&self, doing: &'static str, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        self.admit(doing).await?;
        self.0.caller.rows(Effect::Reads, doing, statement).await
    }

    /// Executes a writing step and returns its rows.
    async fn write(&self, doing: &'static str, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        self.admit(doing).await?;
        self.0.caller.rows(Effect::Writes, doing, statement).await
    }

    /// Executes a writing step that locks the row of a conversation: this store runs one such step of a
    /// conversation at a time.
    async fn write_serialized<'q>(
        &self,
        doing: &'static str,
        of: impl Into<Target>,
        statement: impl Fn(LockWait) -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let _guard = self.lock_target(doing, of).await?;
        self.write_locking(doing, statement).await
    }

    /// Executes a writing step that locks conversation rows. A limited number of such steps wait for a locked
    /// row at a time.
    async fn write_locking<'q>(
        &self,
        doing: &'static str,
        statement: impl Fn(LockWait) -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.admit(doing).await?;
        match self
            .0
            .caller
            .call(statement(LockWait::brief(self.0.lock_timeout)))
            .await
        {
            Err(failure) if failure.is_lock_timeout() => {}
            answered => return answered.map_err(|failure| failure.of(doing, Effect::Writes)),
        }
        let _permit = self.permit(doing).await?;
        self.write(doing, statement(LockWait::Full)).await
    }

    /// Waits, at most for the acquire timeout, for permission to wait for a locked row.
    async fn permit(&self, doing: &'static str) -> Result<Option<SemaphorePermit<'_>>, StoreError> {
        let waited = timeout(self.0.caller.acquire_timeout(), self.0.target_locks.permit()).await;
        waited.map_err(|elapsed| StoreError::new(UNAVAILABLE, doing).caused_by(elapsed))
    }

    /// Waits, at most for the acquire timeout, for earlier steps of the same conversation.
    async fn lock_target(
        &self,
        doing: &'static str,
        of: impl Into<Target>,
    ) -> Result<target_locks::TargetGuard<'_>, StoreError> {
        let waited = timeout(self.0.caller.acquire_timeout(), self.0.target_locks.wait(of)).await;
        waited.map_err(|elapsed| StoreError::new(UNAVAILABLE, doing).caused_by(elapsed))
    }

    /// Fails if this code cannot run on the database; checked once.
    async fn admit(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.0.admitted.load(Ordering::Acquire) {
            return Ok(());
        }
        let acquired = self.0.caller.connect().await;
        let mut acquired = acquired.map_err(|failure| failure.of(doing, Effect::Reads))?;
        let limit = self.0.caller.acquire_timeout();
        let admitted = timeout(limit, self.admit_on(acquired.connection(), doing)).await;
        admitted.unwrap_or_else(|_| Err(Failure::TimedOut.of(doing, Effect::Reads)))?;
        acquired.release();
        Ok(())
    }

    async fn admit_on(&self, connection: &mut PgConnection, doing: &'static str) -> Result<(), StoreError> {
        if !self.0.admitted.load(Ordering::Acquire) {
            migrate::check(connection, &self.0.schema, doing).await?;
            self.0.admitted.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore")
            .field("schema", &self.0.schema)
            .finish_non_exhaustive()
    }
}
