//! Limits on the times that a step writes, for processes whose clock is ahead.
//!
//! A step writes the time of its process. A clock that is ahead would put a conversation's activity into the
//! future, and with it every later message, since no time goes back. Therefore no written time is further ahead
//! of the database's clock than [`MAX_AHEAD`].

use std::time::Duration;

use super::{ClockCheck, PgStore};

/// How far a time may be ahead of the database's clock.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// The time `$given`, at most `$ahead` seconds ahead of the database's clock; unchanged if `$ahead` is null.
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
/// A time computed from `$from`: kept at the same distance after the limited `$from`.
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
    /// Returns how many seconds the times of a step may be ahead of the database's clock; `None` where clocks
    /// are not compared.
    pub(super) fn max_ahead(&self) -> Option<f64> {
        (self.0.clock_check == ClockCheck::On).then_some(MAX_AHEAD.as_secs_f64())
    }
}
