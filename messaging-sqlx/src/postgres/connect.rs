use std::time::Duration;

use messaging_core::port::store::{StoreError, StoreErrorKind};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{PgOptions, Pooler, lend::Lender};

/// How long we wait beyond the limit that the server has for a statement: it tells us what became of it.
const GRACE: Duration = Duration::from_secs(1);

/// How statements are planned. Whatever their arguments they are to go by index, so one plan is as good as the next, and
/// each is planned once: the database would else plan one with arrays anew each time, if these are shorter than it
/// guesses. And what is prepared while a queue is empty would be planned to read all of it, and be kept when it is long.
pub(super) const PLANNING: [(&str, &str); 2] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
];

/// How a URL of PostgreSQL begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where connections come from, and how long to wait for a call on one.
pub(super) struct Source {
    pub(super) lender: Lender,
    pub(super) patience: Duration,
}

impl Source {
    /// A pool of the host's, as it is.
    pub(super) fn of_host(pool: PgPool, options: &PgOptions) -> Self {
        Self {
            lender: Lender::Host(pool),
            patience: options.statement_timeout,
        }
    }

    /// Connections to a URL, of our own. No I/O.
    pub(super) fn of_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let connect = parse(url).map_err(|why| {
            StoreError::new(StoreErrorKind::Internal, "reading the database's URL").caused_by(why)
        })?;
        let (connect, patience) = match options.pooler {
            Pooler::Session => {
                let limit = options.statement_timeout.as_millis().max(1).to_string();
                let limited = connect.options([("statement_timeout", limit.as_str())]);
                (limited.options(PLANNING), options.statement_timeout + GRACE)
            }
            // What a pooler does not know of a connection it refuses, or gives to somebody else.
            Pooler::Transaction => (connect.extra_float_digits(None), options.statement_timeout),
        };
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .connect_lazy_with(connect);
        Ok(Self {
            lender: Lender::own(pool, options.max_connections),
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
}
