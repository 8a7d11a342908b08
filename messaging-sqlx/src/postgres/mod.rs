//! The store on PostgreSQL: what production runs on, in any number of processes.
//!
//! Everything lies in a schema of its own, and every name in every statement is qualified by it, so that
//! neither the host's tables nor its search path matter. The connections are the store's own, with settings of ours; those
//! of the host's pool only on request ([`PgStore::on_pool`]), and then as they are.
//!
//! **A step is one statement**, and commits by itself, or with others of its kind ([`GroupCommit`]): one round trip,
//! however much it changes. The rules
//! are the core's transitions (`Conversation::{append, read, apply}`); a statement does to the row what they
//! do to the value, and the conformance suite holds the two against each other. What makes that safe beside
//! other steps, at `READ COMMITTED`:
//!
//! - The conversation's row is the lock. A step updates it on the access version that it was decided on, waits for
//!   whoever is before it, and is then judged by the row as it has become.
//! - What a statement's snapshot cannot show, an index does: a message with the same key, or a conversation of
//!   the same pair, that has just been committed by another. The statement then comes to nothing as a
//!   whole, and is repeated.
//! - An outbox entry lengthens its conversation's lane, or makes it, in the same statement. Who acknowledges a
//!   lane locks it and looks at its tail: either the entry is seen, or its step finds the lane gone.
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
mod conversations;
mod dead_letters;
mod digest_sql;
mod digests;
mod erasure;
mod error;
mod group_commit;
mod history;
mod lanes;
mod lend;
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
mod schema_name;
mod settings;
mod statements;
#[cfg(test)]
mod together;
mod turns;
mod unlink;
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
    error::{Effect, Failure, UNAVAILABLE, failed},
    lend::Lender,
    statements::Statements,
    turns::{LockWait, Target},
};
pub use self::{
    claim::ClockSkew,
    limiter::PgRateLimiter,
    migrate::PgMigrator,
    options::{ClockCheck, GroupCommit, PgOptions, Pooler},
    schema_name::{InvalidSchemaName, SchemaName},
};

/// Keeps everything in a schema of a PostgreSQL database. Clones share it; any number of processes may use
/// the same.
///
/// A step that was answered is as durable as the database keeps a commit. Needs a tokio runtime, with time
/// enabled.
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
    turns: turns::Turns,
    lock_timeout: Duration,
    /// From how many messages on a round is one statement.
    together_from: usize,
    clock_check: ClockCheck,
    /// Whether the clocks were too far apart when they were last compared.
    is_skewed: AtomicBool,
    /// Whether the database has been found to be one that this code runs on.
    admitted: AtomicBool,
}

impl PgStore {
    /// A store beside a host's pool, in the same database, with the default [options](PgOptions): see
    /// [`with_options`](Self::with_options).
    pub fn new(pool: PgPool) -> Self {
        Self::with_options(pool, &PgOptions::default())
    }

    /// A store beside a host's pool: it opens connections of its own to the same database, as the same role, at most 5
    /// unless the [options](PgOptions::with_max_connections) say otherwise. The host's own connections serve
    /// only what stands in the host's transaction ([`open_in_transaction`](Self::open_in_transaction)). [Close](Self::close) it before the
    /// process ends.
    ///
    /// Each connection is opened as [`PgPool::connect_options`] says at that time, so that a password set by
    /// [`PgPool::set_connect_options`] is followed, and has settings of ours: `plan_cache_mode`, `jit`,
    /// `statement_timeout` and `lock_timeout`. What the host's pool does `after_connect`, such as `SET ROLE`, is not taken
    /// over: where that matters, and in a test that is given its pool, such as that of `#[sqlx::test]`, use
    /// [`on_pool`](Self::on_pool).
    ///
    /// Where a pooler refuses or ignores settings of a session, each step sets them for a transaction of its own, as with
    /// [`Pooler::Transaction`], and one warning in the log says so.
    ///
    /// No I/O: a database that is not there, or not migrated, shows at the first step, which fails with
    /// [`Unavailable`](StoreErrorKind::Unavailable), or with [`Internal`](StoreErrorKind::Internal) and a
    /// [`SchemaError`](crate::SchemaError) as its cause.
    pub fn with_options(pool: PgPool, options: &PgOptions) -> Self {
        let opener = Opener::beside(pool, options);
        Self::on(Lender::own(opener, options.max_connections), options)
    }

    /// A store on exactly a host's pool, whose settings and limits it leaves alone: for tests that are given a pool, for a
    /// pool whose `after_connect` sets a role, and for a pool that goes through a transaction pooler and
    /// [says so](PgOptions::with_pooler). Each step is slower than with [`new`](Self::new): sqlx asks a connection
    /// that is given back whether it is well, and the database plans some statements anew unless the
    /// pool's role has the settings. No I/O.
    pub fn on_pool(pool: PgPool, options: &PgOptions) -> Self {
        Self::on(Lender::Host(pool, options.pooler), options)
    }

    /// A store on connections of its own to a URL such as
    /// `postgres://user:password@host:5432/database?sslmode=verify-full`, at most 5 unless the options say otherwise.
    /// No I/O. Once a connection is open there is no difference to [`new`](Self::new). TLS needs the feature `tls`, or that your own sqlx brings it.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal) when it is not a PostgreSQL URL.
    pub fn from_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let opener = Opener::to_url(url, options)?;
        Ok(Self::on(Lender::own(opener, options.max_connections), options))
    }

    fn on(lender: Lender, options: &PgOptions) -> Self {
        let connections = lender.size();
        Self(Arc::new(Inner {
            caller: Caller::new(lender, options),
            statements: Statements::new(&options.schema),
            schema: options.schema.clone(),
            group_commit: (options.group_commit == GroupCommit::On)
                .then(|| group_commit::GroupCommit::new(options)),
            turns: turns::Turns::new(connections),
            lock_timeout: options.lock_timeout,
            together_from: options.together_from,
            clock_check: options.clock_check,
            is_skewed: AtomicBool::new(false),
            admitted: AtomicBool::new(false),
        }))
    }

    /// Brings the schema to the version that this code needs, in one transaction on a connection of its own.
    /// Any number of processes may do so at once; one that dies in the middle leaves nothing behind. By
    /// another role, or by hand: [`migrator`](Self::migrator).
    ///
    /// # Errors
    /// Those of [`PgMigrator::run`], and [`Unavailable`](StoreErrorKind::Unavailable) when the database
    /// cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        const CONNECTING: &str = "connecting to migrate the database";
        let opening = self.0.caller.lender().open();
        let connected = timeout(self.0.caller.acquire_timeout(), opening).await;
        let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let mut connection = connected.map_err(failed(CONNECTING))?;
        let migrated = self.migrator().run(&mut connection).await;
        // What it has done is done, however closing goes.
        connection.close().await.ok();
        migrated
    }

    /// What migrates this store's schema.
    pub fn migrator(&self) -> PgMigrator {
        PgMigrator::new(self.0.schema.clone())
    }

    /// Waits for the steps under way, and closes the store's own connections: afterwards every step of this
    /// store and its clones is [`Unavailable`](StoreErrorKind::Unavailable). Leaves the host's pool to the host: a store
    /// [on one](Self::on_pool) stays as it is.
    pub async fn close(&self) {
        self.0.caller.lender().close().await;
    }

    /// Takes a step that changes nothing, and gives the rows that it answers.
    async fn read(&self, doing: &'static str, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        self.admit(doing).await?;
        self.0.caller.rows(Effect::Reads, doing, statement).await
    }

    /// Takes a step that changes something, and gives the rows that it answers.
    async fn write(&self, doing: &'static str, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        self.admit(doing).await?;
        self.0.caller.rows(Effect::Writes, doing, statement).await
    }

    /// The same, for a step that locks the row of that conversation: in this store one of them at a time.
    async fn write_in_turn<'q>(
        &self,
        doing: &'static str,
        of: impl Into<Target>,
        statement: impl Fn(LockWait) -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let _turn = self.turn(doing, of).await?;
        self.write_locking(doing, statement).await
    }

    /// The same, for a step that locks the rows of conversations: of those that find one locked, a few wait for it at a
    /// time.
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
            Err(failure) if failure.is_of_a_lock() => {}
            answered => return answered.map_err(|failure| failure.of(doing, Effect::Writes)),
        }
        let _permit = self.permit(doing).await?;
        self.write(doing, statement(LockWait::Full)).await
    }

    /// Waits as long as for a connection until the step may wait for a locked row.
    async fn permit(&self, doing: &'static str) -> Result<Option<SemaphorePermit<'_>>, StoreError> {
        let waited = timeout(self.0.caller.acquire_timeout(), self.0.turns.permit()).await;
        waited.map_err(|elapsed| StoreError::new(UNAVAILABLE, doing).caused_by(elapsed))
    }

    /// Waits for a conversation's turn as long as for a connection.
    async fn turn(&self, doing: &'static str, of: impl Into<Target>) -> Result<turns::Turn<'_>, StoreError> {
        let waited = timeout(self.0.caller.acquire_timeout(), self.0.turns.wait(of)).await;
        waited.map_err(|elapsed| StoreError::new(UNAVAILABLE, doing).caused_by(elapsed))
    }

    /// Refuses a database that this code cannot run on; asked once.
    async fn admit(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.0.admitted.load(Ordering::Acquire) {
            return Ok(());
        }
        let lent = self.0.caller.connect().await;
        let mut lent = lent.map_err(|failure| failure.of(doing, Effect::Reads))?;
        let limit = self.0.caller.acquire_timeout();
        let admitted = timeout(limit, self.admit_on(lent.connection(), doing)).await;
        admitted.unwrap_or_else(|_| Err(Failure::TimedOut.of(doing, Effect::Reads)))?;
        lent.give_back();
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
