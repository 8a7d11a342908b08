use std::time::Duration;

use messaging_core::port::store::{StoreError, StoreErrorKind};
use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{PgOptions, Pooler};

/// How long a connection may have been idle and still be taken for alive. One that is used all the time is
/// not asked before each use, which would be a round trip more for every step.
const SURELY_ALIVE: Duration = Duration::from_secs(1);

/// How long we wait beyond the limit that the server has for a statement: it tells us what became of it.
const GRACE: Duration = Duration::from_secs(1);

/// A pool, and how long to wait for a call on it.
pub(super) struct Pool {
    pub(super) pool: PgPool,
    pub(super) patience: Duration,
}

impl Pool {
    /// A pool of the host's, as it is.
    pub(super) fn of_host(pool: PgPool, options: &PgOptions) -> Self {
        Self {
            pool,
            patience: options.statement_timeout,
        }
    }

    /// A pool of connections to a URL. No I/O.
    pub(super) fn of_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let parsed = url.parse::<PgConnectOptions>();
        let connect = parsed.map_err(|why| {
            StoreError::new(StoreErrorKind::Internal, "reading the database's URL").caused_by(why)
        })?;
        let (connect, patience) = match options.pooler {
            Pooler::Session => {
                let limit = options.statement_timeout.as_millis().max(1).to_string();
                let limited = connect.options([("statement_timeout", limit)]);
                (limited, options.statement_timeout + GRACE)
            }
            // What a pooler does not know of a connection it refuses, or gives to somebody else.
            Pooler::Transaction => (connect.extra_float_digits(None), options.statement_timeout),
        };
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for >= SURELY_ALIVE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connect);
        Ok(Self { pool, patience })
    }
}
