use std::time::Duration;

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{PgPool, postgres::PgPoolOptions};

use super::{PgOptions, Pooler, lend::Lender, url::parse};

/// How long we wait beyond the limit that the server has for a statement: it tells us what became of it.
const GRACE: Duration = Duration::from_secs(1);

/// How statements are planned. Whatever their arguments they go [by index](super::by_index), so one plan is as good as
/// the next, and each is planned once: the database would else plan one with arrays anew each time, if these are shorter
/// than it guesses. And none is compiled: that takes longer than to execute it.
pub(super) const PLANNING: [(&str, &str); 2] = [("plan_cache_mode", "force_generic_plan"), JIT];
pub(super) const JIT: (&str, &str) = ("jit", "off");

/// How long a statement waits for a lock.
pub(super) const LOCK_TIMEOUT: &str = "lock_timeout";

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
                let limited = connect.options([
                    ("statement_timeout", limit),
                    (LOCK_TIMEOUT, options.lock_timeout_millis()),
                ]);
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

#[cfg(test)]
mod tests {
    use messaging_test_postgres::Schema;

    use super::*;

    #[tokio::test]
    async fn no_session_compiles_plans_or_waits_for_locks_as_long_as_a_statement_may_take() {
        let schema = Schema::fresh();
        let options = PgOptions::default();
        let source = Source::of_url(schema.url(), &options).unwrap();
        let mut lent = source.lender.lend().await.unwrap();
        for (name, value) in [
            ("jit", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            ("statement_timeout", "5s"),
            ("lock_timeout", "1s"),
            // As the server has it.
            ("enable_seqscan", "on"),
        ] {
            let shown: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(lent.connection())
                .await
                .unwrap();
            assert_eq!(shown, value, "{name}");
        }
    }
}
