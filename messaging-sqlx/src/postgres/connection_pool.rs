//! The store's connections, each acquired for one call.
//!
//! ```text
//! acquire ─┬─ exactly a host's pool: acquire from the pool
//!          └─ the store's own: a permit ─┬─ idle, used within a second: as it is
//!                                        ├─ idle for longer: pinged first
//!                                        └─ none: one is opened; while the server accepts no more, whichever comes
//!                                           first: one that is released, or the next attempt
//! ```
//!
//! After a refusal all callers together make one attempt at a time, with growing pauses: each costs the server a process.
//!
//! sqlx's pool is not used for the store's own connections: it pings each returned connection, in a task of its own,
//! which costs a round trip per step, and up to sqlx 0.9 has no option against it (`test_before_acquire` is about
//! acquiring). Once it has one, such a pool can replace [`Own`]; the difference is private to this file.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, Error, PgConnection, PgPool, Postgres, pool::PoolConnection,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    Pooler,
    connect::{Opener, Session},
    error::is_full_or_starting,
};

/// How long an idle connection is assumed to be alive without a ping.
const SURELY_ALIVE: Duration = Duration::from_secs(1);

/// How long a connection is used, so that the memory of a database session stays bounded.
const LIFETIME: Duration = Duration::from_mins(30);

/// How long an unused connection is kept.
const UNUSED: Duration = Duration::from_mins(10);

/// The pause after the first connection attempt that came too early, and the longest pause after later ones.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// A pool of connections.
pub(super) enum ConnectionPool {
    /// The connections of a host's pool, shared with the host.
    Host(PgPool, Pooler),
    /// The store's own connections.
    Own(Arc<Own>),
}

pub(super) struct Own {
    opener: Opener,
    /// One permit per connection; waiters are served in order.
    permits: Arc<Semaphore>,
    size: u32,
    /// The most recently used is last. `None` once closed.
    idle: Mutex<Option<Vec<Idle>>>,
    /// A connection was released, or an attempt to open one has ended.
    changed: Notify,
    refusal: Mutex<Refusal>,
    surely_alive: Duration,
}

/// What the attempts to open a connection have met.
#[derive(Debug, Default)]
struct Refusal {
    /// The pause after the last attempt, if it was refused.
    pause: Option<Duration>,
    /// When the next attempt may be made.
    until: Option<Instant>,
}

struct Idle {
    connection: PgConnection,
    session: Session,
    opened: Instant,
    since: Instant,
}

impl ConnectionPool {
    /// Creates a pool of at most `size` own connections.
    pub(super) fn own(opener: Opener, size: u32) -> Self {
        Self::Own(Arc::new(Own::new(opener, size)))
    }

    /// Returns the maximum number of connections.
    pub(super) fn size(&self) -> u32 {
        match self {
            Self::Host(pool, _) => pool.options().get_max_connections(),
            Self::Own(own) => own.size,
        }
    }

    /// Whether connections are known to keep their prepared statements.
    pub(super) fn keeps_statements(&self) -> bool {
        match self {
            Self::Host(_, pooler) => *pooler == Pooler::Session,
            Self::Own(own) => own.opener.keeps_statements(),
        }
    }

    /// Acquires a connection as soon as one is available.
    pub(super) async fn acquire(&self) -> Result<PooledConnection, Error> {
        match self {
            Self::Host(pool, pooler) => Ok(PooledConnection::Host(OfHost {
                connection: pool.acquire().await?,
                session: match pooler {
                    Pooler::Session => Session::OfHost,
                    Pooler::Transaction => Session::Shared,
                },
                is_idle: false,
            })),
            Self::Own(own) => own.acquire().await.map(PooledConnection::Own),
        }
    }

    /// Opens an additional connection, which the caller closes.
    pub(super) async fn open(&self) -> Result<PgConnection, Error> {
        match self {
            Self::Host(pool, _) => pool.connect_options().connect().await,
            Self::Own(own) => own.opener.open().await.map(|(connection, _)| connection),
        }
    }

    /// Waits for calls in progress and closes the store's own connections.
    pub(super) async fn close(&self) {
        if let Self::Own(own) = self {
            own.close().await;
        }
    }
}

impl Own {
    fn new(opener: Opener, size: u32) -> Self {
        Self {
            opener,
            permits: Arc::new(Semaphore::new(size as usize)),
            size,
            idle: Mutex::new(Some(Vec::new())),
            changed: Notify::new(),
            refusal: Mutex::default(),
            surely_alive: SURELY_ALIVE,
        }
    }

    async fn acquire(self: &Arc<Self>) -> Result<OfOwn, Error> {
        if self.idle().is_none() {
            // Returns at once instead of waiting for the permits that closing holds.
            return Err(Error::PoolClosed);
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Error::PoolClosed)?;
        let acquired = |connection, session, opened| OfOwn {
            connection,
            session,
            opened,
            owner: Arc::clone(self),
            _permit: permit,
        };
        loop {
            let changed = self.changed.notified();
            while let Some(Idle {
                mut connection,
                session,
                opened,
                since,
            }) = self.used_last()?
            {
                if now().duration_since(since) < self.surely_alive || connection.ping().await.is_ok() {
                    return Ok(acquired(connection, session, opened));
                }
            }
            let Some(pause) = self.refusal().pause_before_attempt(now()) else {
                if let Some((connection, session)) = self.try_open().await? {
                    return Ok(acquired(connection, session, now()));
                }
                continue;
            };
            timeout(pause, changed).await.ok();
        }
    }

    /// Opens a connection. Returns `None` if the server accepts none at the moment.
    async fn try_open(&self) -> Result<Option<(PgConnection, Session)>, Error> {
        match self.opener.open().await {
            Err(error) if is_full_or_starting(&error) => {
                self.refusal().note(now());
                Ok(None)
            }
            Err(error) => Err(error),
            Ok(opened) => {
                self.refusal().end();
                self.changed.notify_one();
                Ok(Some(opened))
            }
        }
    }

    fn refusal(&self) -> MutexGuard<'_, Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the most recently used idle connection, the likeliest to be alive.
    fn used_last(&self) -> Result<Option<Idle>, Error> {
        self.idle().as_mut().map(Vec::pop).ok_or(Error::PoolClosed)
    }

    /// Keeps a connection for the next call unless it is too old, and closes connections that were unused for
    /// long.
    fn keep(&self, connection: PgConnection, session: Session, opened: Instant) {
        let now = now();
        if let Some(idle) = &mut *self.idle()
            && now.duration_since(opened) < LIFETIME
        {
            idle.push(Idle {
                connection,
                session,
                opened,
                since: now,
            });
            if now.duration_since(idle[0].since) > UNUSED {
                idle.remove(0);
            }
            self.changed.notify_one();
        }
    }

    async fn close(&self) {
        let idle = self.idle().take();
        self.changed.notify_waiters();
        for one in idle.into_iter().flatten() {
            // The connection is dropped even if the server does not receive the message.
            one.connection.close().await.ok();
        }
        self.permits.acquire_many(self.size).await.ok();
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    /// Returns how long to wait before an attempt. If not at all, reserves the attempt: until its result is noted, others
    /// wait as long as after one more refusal.
    fn pause_before_attempt(&mut self, now: Instant) -> Option<Duration> {
        let pause = self.pause?;
        match self.until {
            Some(until) if until > now => Some(until - now),
            _ => {
                self.until = Some(now + pause);
                None
            }
        }
    }

    /// After a success the next attempt may be made at once, still one at a time.
    fn end(&mut self) {
        if self.pause.is_some() {
            (self.pause, self.until) = (Some(PAUSES[0]), None);
        }
    }

    fn note(&mut self, now: Instant) {
        let [first, longest] = PAUSES;
        let pause = self.pause.map_or(first, |pause| longest.min(pause * 2));
        (self.pause, self.until) = (Some(pause), Some(now + pause));
    }
}

impl fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPool").finish_non_exhaustive()
    }
}

/// An acquired connection, closed unless it is released: after a cancelled call its protocol state is unknown.
pub(super) enum PooledConnection {
    Host(OfHost),
    Own(OfOwn),
}

impl PooledConnection {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Host(acquired) => &mut acquired.connection,
            Self::Own(acquired) => &mut acquired.connection,
        }
    }

    pub(super) fn session(&self) -> Session {
        match self {
            Self::Host(acquired) => acquired.session,
            Self::Own(acquired) => acquired.session,
        }
    }

    pub(super) fn release(self) {
        match self {
            Self::Host(mut acquired) => acquired.is_idle = true,
            Self::Own(acquired) => {
                acquired
                    .owner
                    .keep(acquired.connection, acquired.session, acquired.opened);
            }
        }
    }
}

pub(super) struct OfHost {
    connection: PoolConnection<Postgres>,
    session: Session,
    is_idle: bool,
}

impl Drop for OfHost {
    /// The pool would wait without a limit for a connection with a statement in progress.
    fn drop(&mut self) {
        if !self.is_idle {
            self.connection.close_on_drop();
        }
    }
}

pub(super) struct OfOwn {
    connection: PgConnection,
    session: Session,
    opened: Instant,
    owner: Arc<Own>,
    _permit: OwnedSemaphorePermit,
}

#[expect(
    clippy::disallowed_methods,
    reason = "for how long a connection was idle is no matter of the domain"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use messaging_test_postgres::Schema;

    use super::{super::PgOptions, *};

    fn pool(schema: &Schema, size: u32, surely_alive: Duration) -> ConnectionPool {
        let opener = Opener::to_url(schema.url(), &PgOptions::default()).unwrap();
        ConnectionPool::Own(Arc::new(Own {
            surely_alive,
            ..Own::new(opener, size)
        }))
    }

    async fn pid(pool: &ConnectionPool) -> Result<i32, Error> {
        let mut acquired = pool.acquire().await?;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(acquired.connection())
            .await?;
        acquired.release();
        Ok(pid)
    }

    /// Terminates a connection and waits until it has ended.
    async fn end(schema: &Schema, pid: i32) {
        let mut other = PgConnection::connect(schema.url()).await.unwrap();
        let mut is_there = true;
        while is_there {
            is_there = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
                .bind(pid)
                .fetch_one(&mut other)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_released_connection_is_reused() {
        let schema = Schema::fresh();
        let pool = pool(&schema, 2, Duration::MAX);
        let first = pid(&pool).await.unwrap();
        assert_eq!(pid(&pool).await.unwrap(), first);
        drop(pool.acquire().await.unwrap());
        assert_ne!(
            pid(&pool).await.unwrap(),
            first,
            "the connection was not released"
        );
    }

    #[tokio::test]
    async fn a_connection_terminated_during_a_long_idle_time_is_replaced() {
        let schema = Schema::fresh();
        for (surely_alive, is_replaced) in [(Duration::ZERO, true), (Duration::MAX, false)] {
            let pool = pool(&schema, 1, surely_alive);
            end(&schema, pid(&pool).await.unwrap()).await;
            assert_eq!(pid(&pool).await.is_ok(), is_replaced);
            assert!(pid(&pool).await.is_ok(), "the failed connection was not released");
        }
    }

    #[test]
    fn refused_attempts_are_made_one_at_a_time_with_growing_pauses() {
        let (start, mut refusal) = (now(), Refusal::default());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(refusal.pause_before_attempt(at(0)), None);
        assert_eq!(refusal.pause_before_attempt(at(0)), None);
        refusal.note(at(0));
        assert_eq!(
            refusal.pause_before_attempt(at(4)),
            Some(Duration::from_millis(6))
        );
        assert_eq!(refusal.pause_before_attempt(at(10)), None);
        assert_eq!(
            refusal.pause_before_attempt(at(10)),
            Some(Duration::from_millis(10))
        );
        for (refused_at, pause) in [(10, 20), (30, 40), (70, 80)] {
            refusal.note(at(refused_at));
            let next = refusal.pause_before_attempt(at(refused_at));
            assert_eq!(next, Some(Duration::from_millis(pause)));
        }
        for _ in 0..9 {
            refusal.note(at(150));
        }
        assert_eq!(
            refusal.pause_before_attempt(at(150)),
            Some(Duration::from_secs(1))
        );
        refusal.end();
        assert_eq!(refusal.pause_before_attempt(at(150)), None);
        assert_eq!(
            refusal.pause_before_attempt(at(150)),
            Some(Duration::from_millis(10))
        );
    }

    /// Without sharing, all but one of the callers that hold a permit would wait for a connection that never comes.
    #[tokio::test]
    async fn callers_share_the_connections_that_the_server_accepts() {
        let schema = Schema::fresh();
        let role = format!("{}_few", schema.name());
        let mut admin = PgConnection::connect(schema.url()).await.unwrap();
        let create = format!(r#"CREATE ROLE "{role}" LOGIN CONNECTION LIMIT 1"#);
        sqlx::raw_sql(sqlx::AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .unwrap();
        let url = schema.url().replacen("//postgres@", &format!("//{role}@"), 1);
        assert_ne!(url, schema.url());
        let opener = Opener::to_url(&url, &PgOptions::default()).unwrap();
        let pool = ConnectionPool::own(opener, 5);
        for _ in 0..3 {
            let pids = futures_util::future::join_all((0..20).map(|_| pid(&pool))).await;
            let pids: Vec<_> = pids.into_iter().map(Result::unwrap).collect();
            assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
        }
        pool.close().await;
        let drop = format!(r#"DROP ROLE "{role}""#);
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop))
            .execute(&mut admin)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn the_number_of_connections_is_limited() {
        let schema = Schema::fresh();
        let pool = pool(&schema, 1, Duration::MAX);
        let acquired = pool.acquire().await.unwrap();
        let mut second = std::pin::pin!(pool.acquire());
        assert!(futures_util::poll!(&mut second).is_pending());
        acquired.release();
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn closing_waits_for_acquired_connections_and_refuses_new_ones() {
        let schema = Schema::fresh();
        let pool = pool(&schema, 2, Duration::MAX);
        pid(&pool).await.unwrap();
        let acquired = pool.acquire().await.unwrap();
        let mut closing = std::pin::pin!(pool.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        assert!(matches!(pool.acquire().await, Err(Error::PoolClosed)));
        acquired.release();
        closing.await;
        assert!(matches!(pool.acquire().await, Err(Error::PoolClosed)));
    }
}
