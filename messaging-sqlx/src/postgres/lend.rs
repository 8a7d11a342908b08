//! Connections, each lent for one call.
//!
//! ```text
//! lend ─┬─ a host's pool: the pool's
//!       └─ the store's own: a permit ─┬─ idle here, used a moment ago: as it is
//!                                     ├─ idle here for long: asked first
//!                                     └─ none: the pool opens one
//! ```
//!
//! sqlx's pool asks every connection that comes back whether it is well, in a task of its own, which is a round trip more
//! for each step. So a store with a pool of its own has it open connections, and keeps them here between calls.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Error, PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a connection may have been idle and still be taken for alive.
const SURELY_ALIVE: Duration = Duration::from_secs(1);

/// For how long a connection is used: what a session of the database collects does not grow without an end.
const LIFETIME: Duration = Duration::from_mins(30);

/// For how long a connection is kept that is not needed.
const UNUSED: Duration = Duration::from_mins(10);

/// Lends connections.
pub(super) enum Lender {
    /// Those of a host's pool, which others use too.
    Host(PgPool),
    /// Our own.
    Own(Arc<Own>),
}

pub(super) struct Own {
    /// Opens connections, for as long as a step may wait for one.
    pool: PgPool,
    /// As many as there may be connections: who waits is served in turn.
    permits: Arc<Semaphore>,
    size: u32,
    /// The one used last comes last. `None` once closed.
    idle: Mutex<Option<Vec<Idle>>>,
    surely_alive: Duration,
}

struct Idle {
    connection: PgConnection,
    opened: Instant,
    since: Instant,
}

impl Lender {
    /// Those that a pool opens which nobody else uses, at most so many at a time.
    pub(super) fn own(pool: PgPool, size: u32) -> Self {
        Self::Own(Arc::new(Own::new(pool, size)))
    }

    pub(super) fn pool(&self) -> &PgPool {
        match self {
            Self::Host(pool) => pool,
            Self::Own(own) => &own.pool,
        }
    }

    /// A connection, as soon as there is one.
    pub(super) async fn lend(&self) -> Result<Lent, Error> {
        match self {
            Self::Host(pool) => Ok(Lent::Host(OfHost {
                connection: pool.acquire().await?,
                is_idle: false,
            })),
            Self::Own(own) => own.lend().await.map(Lent::Own),
        }
    }

    /// Waits for the calls under way, and closes what is our own.
    pub(super) async fn close(&self) {
        if let Self::Own(own) = self {
            own.close().await;
        }
    }
}

impl Own {
    fn new(pool: PgPool, size: u32) -> Self {
        Self {
            pool,
            permits: Arc::new(Semaphore::new(size as usize)),
            size,
            idle: Mutex::new(Some(Vec::new())),
            surely_alive: SURELY_ALIVE,
        }
    }

    async fn lend(self: &Arc<Self>) -> Result<OfOwn, Error> {
        if self.idle().is_none() {
            // Rather than to stand in line behind who closes it.
            return Err(Error::PoolClosed);
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Error::PoolClosed)?;
        let lent = |connection, opened| OfOwn {
            connection,
            opened,
            owner: Arc::clone(self),
            _permit: permit,
        };
        while let Some(Idle {
            mut connection,
            opened,
            since,
        }) = self.used_last()?
        {
            if now().duration_since(since) < self.surely_alive || connection.ping().await.is_ok() {
                return Ok(lent(connection, opened));
            }
        }
        let opened = self.pool.acquire().await?.detach();
        Ok(lent(opened, now()))
    }

    /// The idle connection that is the likeliest to live.
    fn used_last(&self) -> Result<Option<Idle>, Error> {
        self.idle().as_mut().map(Vec::pop).ok_or(Error::PoolClosed)
    }

    /// Keeps a connection until it is lent again, unless it is too old; and no longer one that was not needed for long.
    fn keep(&self, connection: PgConnection, opened: Instant) {
        let now = now();
        if let Some(idle) = &mut *self.idle()
            && now.duration_since(opened) < LIFETIME
        {
            idle.push(Idle {
                connection,
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
        self.pool.close().await;
        for one in idle.into_iter().flatten() {
            // Whether it hears of it or not, it is closed.
            one.connection.close().await.ok();
        }
        self.permits.acquire_many(self.size).await.ok();
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender").finish_non_exhaustive()
    }
}

/// A connection, closed unless it is given back: one whose call was given up, by us or by whoever waited for it, may be
/// in the middle of anything.
pub(super) enum Lent {
    Host(OfHost),
    Own(OfOwn),
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Host(lent) => &mut lent.connection,
            Self::Own(lent) => &mut lent.connection,
        }
    }

    pub(super) fn give_back(self) {
        match self {
            Self::Host(mut lent) => lent.is_idle = true,
            Self::Own(lent) => lent.owner.keep(lent.connection, lent.opened),
        }
    }
}

pub(super) struct OfHost {
    connection: PoolConnection<Postgres>,
    is_idle: bool,
}

impl Drop for OfHost {
    /// The pool would wait without an end for one that is in the middle of something.
    fn drop(&mut self) {
        if !self.is_idle {
            self.connection.close_on_drop();
        }
    }
}

pub(super) struct OfOwn {
    connection: PgConnection,
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
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    fn lender(schema: &Schema, size: u32, surely_alive: Duration) -> Lender {
        let pool = PgPoolOptions::new().connect_lazy(schema.url()).unwrap();
        Lender::Own(Arc::new(Own {
            surely_alive,
            ..Own::new(pool, size)
        }))
    }

    async fn pid(lender: &Lender) -> Result<i32, Error> {
        let mut lent = lender.lend().await?;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(lent.connection())
            .await?;
        lent.give_back();
        Ok(pid)
    }

    /// Ends a connection, and waits until it has ended.
    async fn end(schema: &Schema, pid: i32) {
        let mut somebody = PgConnection::connect(schema.url()).await.unwrap();
        let mut is_there = true;
        while is_there {
            is_there = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
                .bind(pid)
                .fetch_one(&mut somebody)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_given_back_is_lent_again() {
        let schema = Schema::fresh();
        let lender = lender(&schema, 2, Duration::MAX);
        let first = pid(&lender).await.unwrap();
        assert_eq!(pid(&lender).await.unwrap(), first);
        drop(lender.lend().await.unwrap());
        assert_ne!(pid(&lender).await.unwrap(), first, "it was not given back");
    }

    #[tokio::test]
    async fn a_connection_that_was_ended_while_idle_is_replaced_if_it_was_idle_for_long() {
        let schema = Schema::fresh();
        for (surely_alive, is_replaced) in [(Duration::ZERO, true), (Duration::MAX, false)] {
            let lender = lender(&schema, 1, surely_alive);
            end(&schema, pid(&lender).await.unwrap()).await;
            assert_eq!(pid(&lender).await.is_ok(), is_replaced);
            assert!(pid(&lender).await.is_ok(), "what failed was not given back");
        }
    }

    #[tokio::test]
    async fn there_are_never_more_connections_than_there_may_be() {
        let schema = Schema::fresh();
        let lender = lender(&schema, 1, Duration::MAX);
        let lent = lender.lend().await.unwrap();
        let mut second = std::pin::pin!(lender.lend());
        assert!(futures_util::poll!(&mut second).is_pending());
        lent.give_back();
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn closing_waits_for_what_is_lent_and_lends_no_more() {
        let schema = Schema::fresh();
        let lender = lender(&schema, 2, Duration::MAX);
        pid(&lender).await.unwrap();
        let lent = lender.lend().await.unwrap();
        let mut closing = std::pin::pin!(lender.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        assert!(matches!(lender.lend().await, Err(Error::PoolClosed)));
        lent.give_back();
        closing.await;
        assert!(matches!(lender.lend().await, Err(Error::PoolClosed)));
    }
}
