//! The store's connections, each acquired for one call.
//!
//! ```text
//! acquire ─┬─ exactly a host's pool: acquire from the pool
//!          └─ the store's own: a permit ─┬─ idle, used within a second: as it is
//!                                        ├─ idle for longer: pinged first
//!                                        └─ none: one is opened
//! ```
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
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
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
    surely_alive: Duration,
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
        let (connection, session) = self.open().await?;
        Ok(acquired(connection, session, now()))
    }

    /// Opens a connection as soon as the server accepts one.
    async fn open(&self) -> Result<(PgConnection, Session), Error> {
        let [mut pause, longest] = PAUSES;
        loop {
            match self.opener.open().await {
                Err(error) if is_full_or_starting(&error) => sleep(pause).await,
                done => return done,
            }
            if self.idle().is_none() {
                return Err(Error::PoolClosed);
            }
            pause = longest.min(pause * 2);
        }
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
        }
    }

    async fn close(&self) {
        let idle = self.idle().take();
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
