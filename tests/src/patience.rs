use std::{
    thread,
    time::{Duration, Instant},
};

/// A deadline of a wait.
#[derive(Debug, Clone, Copy)]
pub struct Patience(Instant);

const CHECK_INTERVAL: Duration = Duration::from_millis(10);
const TIME_LIMIT: Duration = Duration::from_mins(2);

impl Patience {
    /// Ends after this time.
    pub fn of(limit: Duration) -> Self {
        Self(now() + limit)
    }

    /// Returns the remaining time; `None` after the deadline.
    pub fn left(self) -> Option<Duration> {
        self.0
            .checked_duration_since(now())
            .filter(|left| !left.is_zero())
    }

    /// Repeats a check until it returns a value; `None` after the deadline.
    pub fn wait_for<T>(self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            if let Some(seen) = look() {
                return Some(seen);
            }
            self.left()?;
            thread::sleep(CHECK_INTERVAL);
        }
    }
}

/// Waits until `look` returns a value.
///
/// # Panics
/// If it returns none within two minutes.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    let seen = Patience::of(TIME_LIMIT).wait_for(look);
    seen.unwrap_or_else(|| panic!("not within {TIME_LIMIT:?}: {what}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting for another process takes real time"
)]
fn now() -> Instant {
    Instant::now()
}
