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

/// What is prepared while a queue is empty is planned to read all of it, which costs nothing then, and is kept when the
/// queue is long. There is an index for every step, so none has to be planned like that.
const BY_INDEX: (&str, &str) = ("enable_seqscan", "off");

/// How a URL of PostgreSQL begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// A pool, whose it is, and how long to wait for a call on it.
pub(super) struct Pool {
    pub(super) connections: PgPool,
    pub(super) owner: Owner,
    pub(super) patience: Duration,
}

/// Whose a pool is, and so who closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Host,
    Store,
}

impl Pool {
    /// A pool of the host's, as it is.
    pub(super) fn of_host(pool: PgPool, options: &PgOptions) -> Self {
        Self {
            connections: pool,
            owner: Owner::Host,
            patience: options.statement_timeout,
        }
    }

    /// A pool of connections to a URL. No I/O.
    pub(super) fn of_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        Self::asking_after(SURELY_ALIVE, url, options)
    }

    /// The same, that asks a connection whether it lives which has been idle for so long.
    fn asking_after(idle: Duration, url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let connect = parse(url).map_err(|why| {
            StoreError::new(StoreErrorKind::Internal, "reading the database's URL").caused_by(why)
        })?;
        let (connect, patience) = match options.pooler {
            Pooler::Session => {
                let limit = options.statement_timeout.as_millis().max(1).to_string();
                let set = connect.options([("statement_timeout", limit.as_str()), BY_INDEX]);
                (set, options.statement_timeout + GRACE)
            }
            // What a pooler does not know of a connection it refuses, or gives to somebody else.
            Pooler::Transaction => (connect.extra_float_digits(None), options.statement_timeout),
        };
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                Box::pin(async move {
                    if about.idle_for >= idle {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connect);
        Ok(Self {
            connections: pool,
            owner: Owner::Store,
            patience,
        })
    }
}

/// Takes a URL of PostgreSQL, and no other: sqlx looks at all of it but the scheme.
fn parse(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        let why = format!("it begins with none of {SCHEMES:?}");
        return Err(sqlx::Error::Configuration(why.into()));
    }
    url.parse()
}

#[cfg(test)]
mod tests {
    use messaging_test_postgres::Schema;
    use sqlx::{Connection as _, PgConnection};

    use super::*;

    #[test]
    fn a_url_of_another_database_is_none_of_postgresql() {
        for url in ["postgres://localhost", "postgresql://me@localhost:1/app"] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in ["", "app", "localhost:5432/app", "mysql://localhost/app"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    /// Whether a connection that was ended while it was idle is replaced before it is used.
    async fn is_replaced(asked_after: Duration) -> bool {
        let schema = Schema::fresh();
        let pool = Pool::asking_after(asked_after, schema.url(), &PgOptions::default());
        let pool = pool.unwrap().connections;
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&pool)
            .await
            .unwrap();
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
        let mut somebody = PgConnection::connect(schema.url()).await.unwrap();
        let mut is_there = true;
        while is_there {
            is_there = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
                .bind(pid)
                .fetch_one(&mut somebody)
                .await
                .unwrap();
        }
        sqlx::query("SELECT 1").execute(&pool).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_that_was_ended_while_idle_is_replaced_if_it_was_idle_for_long() {
        assert!(is_replaced(Duration::ZERO).await);
        assert!(!is_replaced(Duration::MAX).await);
    }
}
