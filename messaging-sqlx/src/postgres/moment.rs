//! Times that a step writes, by a clock that may be wrong.
//!
//! What a step writes is of the time of its process. A clock that is ahead would have a conversation's activity lie in
//! the future, and every later message with it, since no time goes back. So no such time is further ahead of the
//! database's clock than that clocks may differ a little.

use std::time::Duration;

use super::{ClockCheck, PgStore};

/// By how much a time may be ahead of the database's clock.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// The time `$given`, at most so many seconds ahead of the database's as `$ahead` says; null: as it is.
macro_rules! moment {
    ($given:literal, $ahead:literal) => {
        concat!(
            "LEAST(",
            $given,
            ", date_trunc('milliseconds', clock_timestamp() + ",
            $ahead,
            "::float8 * interval '1 second'))"
        )
    };
}
/// The same of a time that is reckoned from `$from`: as long after what becomes of that.
macro_rules! moment_after {
    ($given:literal, $from:literal, $ahead:literal) => {
        concat!(
            "LEAST(",
            $given,
            ", date_trunc('milliseconds', clock_timestamp() + ",
            $ahead,
            "::float8 * interval '1 second') + (",
            $given,
            " - ",
            $from,
            "))"
        )
    };
}
pub(super) use {moment, moment_after};

impl PgStore {
    /// By how many seconds what a step writes may be ahead of the database's clock; `None` where the clocks are not
    /// compared.
    pub(super) fn max_ahead(&self) -> Option<f64> {
        (self.0.clock_check == ClockCheck::On).then_some(MAX_AHEAD.as_secs_f64())
    }
}
