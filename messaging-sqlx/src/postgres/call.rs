//! Execution of one statement on one connection, and the classification of its failure.
//!
//! Every step of this store is one statement, which commits by itself. So a call has three phases: before the
//! statement was sent it cannot have had an effect, after its answer was received it has, and in between the
//! outcome is unknown.

use std::{fmt, sync::Arc, time::Duration};

use messaging_core::store::StoreError;
use sqlx::{
    Connection as _, PgConnection, Postgres, SqlStr,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;

use super::{
    PgOptions,
    connect::Session,
    connection_pool::{ConnectionPool, PooledConnection},
    error::{Effect, Failure, is_broken},
    probe::Refusal,
    settings::Settings,
};

/// How long the store waits beyond the server's statement timeout, so that the server can report the outcome.
const GRACE: Duration = Duration::from_secs(1);

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Executes statements on connections of a [`ConnectionPool`].
#[derive(Clone)]
pub(super) struct Caller {
    pool: Arc<ConnectionPool>,
    /// The texts that begin a transaction of one statement.
    begin: Begin,
    refusal: Arc<Refusal>,
    acquire_timeout: Duration,
    statement_timeout: Duration,
}

impl Caller {
    pub(super) fn new(pool: ConnectionPool, options: &PgOptions) -> Self {
        Self {
            pool: Arc::new(pool),
            begin: Begin::new(&Settings::new(options)),
            refusal: Arc::default(),
            acquire_timeout: options.acquire_timeout,
            statement_timeout: options.statement_timeout,
        }
    }

    pub(super) fn pool(&self) -> &ConnectionPool {
        &self.pool
    }

    /// Returns the record of the last refused write.
    pub(super) fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// Returns how long a step may wait to begin.
    pub(super) fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    /// Executes a step and returns its rows.
    pub(super) async fn rows(
        &self,
        effect: Effect,
        doing: &'static str,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let answered = self.call(statement).await;
        answered.map_err(|failure| failure.of(doing, effect))
    }

    /// Executes a step whose statement cannot be written so that the planner always uses indexes. It is planned
    /// anew each time, in a transaction that disables scans. Costs two more round trips.
    pub(super) async fn rows_without_scans(
        &self,
        doing: &'static str,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let acquired = self.connect().await;
        let answered = match acquired {
            Ok(acquired) => {
                self.call_in(acquired, Some(&self.begin.without_scans), statement)
                    .await
            }
            Err(failure) => Err(failure),
        };
        answered.map_err(|failure| failure.of(doing, Effect::Reads))
    }

    /// Executes a statement; the failure tells the phase in which it occurred.
    pub(super) async fn call(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Failure> {
        let acquired = self.connect().await?;
        self.call_on(acquired, statement).await
    }

    /// Executes a statement on a connection that was already acquired.
    pub(super) async fn call_on(
        &self,
        acquired: PooledConnection,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let begin = match acquired.session() {
            Session::Set | Session::OfHost => None,
            Session::Shared => Some(&self.begin.usual),
        };
        self.call_in(acquired, begin, statement).await
    }

    /// Executes a statement, in a transaction if `begin` is given.
    async fn call_in(
        &self,
        mut acquired: PooledConnection,
        begin: Option<&SqlStr>,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let is_limited_by_server = begin.is_some() || acquired.session() == Session::Set;
        let limit = if is_limited_by_server {
            self.statement_timeout + GRACE
        } else {
            self.statement_timeout
        };
        let answered = timeout(limit, async {
            match begin {
                None => statement
                    .fetch_all(acquired.connection())
                    .await
                    .map_err(Failure::Within),
                Some(begin) => in_transaction(acquired.connection(), begin, statement).await,
            }
        })
        .await
        .unwrap_or(Err(Failure::TimedOut));
        match &answered {
            Err(Failure::TimedOut) => {}
            Err(Failure::Before(error) | Failure::Within(error)) if is_broken(error) => {}
            Ok(_) | Err(_) => acquired.release(),
        }
        if answered.as_ref().is_err_and(Failure::is_read_only_database) {
            self.refusal.note();
        }
        answered
    }

    pub(super) async fn connect(&self) -> Result<PooledConnection, Failure> {
        let acquired = timeout(self.acquire_timeout, self.pool.acquire()).await;
        acquired
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(Failure::Before)
    }
}

/// Texts that begin a transaction of one statement. Their settings end with the transaction: no session state
/// is used.
#[derive(Clone)]
struct Begin {
    usual: SqlStr,
    without_scans: SqlStr,
}

impl Begin {
    fn new(settings: &Settings) -> Self {
        Self {
            usual: settings.of_transaction(&[]),
            without_scans: settings.of_transaction(&[("enable_seqscan", "off")]),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}

/// Executes a statement in its own transaction, so that a pooler executes it on the connection that prepared
/// it.
async fn in_transaction(
    connection: &mut PgConnection,
    begin: &SqlStr,
    statement: Statement<'_>,
) -> Result<Vec<PgRow>, Failure> {
    let mut tx = connection
        .begin_with(begin.clone())
        .await
        .map_err(Failure::Before)?;
    let answered = statement.persistent(false).fetch_all(&mut *tx).await;
    let rows = answered.map_err(Failure::Before)?;
    tx.commit().await.map_err(Failure::Within)?;
    Ok(rows)
}
