use std::{
    thread,
    time::{Duration, Instant},
};

/// A point in time until which something is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience(Instant);

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const ENOUGH: Duration = Duration::from_mins(2);

impl Patience {
    /// For so long from now.
    pub fn of(limit: Duration) -> Self {
        Self(now() + limit)
    }

    /// What is left; `None` when it is over.
    pub fn left(self) -> Option<Duration> {
        self.0
            .checked_duration_since(now())
            .filter(|left| !left.is_zero())
    }

    /// Looks again and again until there is something to see; `None` when it is over.
    pub fn wait_for<T>(self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            if let Some(seen) = look() {
                return Some(seen);
            }
            self.left()?;
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

/// Waits until `look` sees something.
///
/// # Panics
/// When it has not after two minutes.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    let seen = Patience::of(ENOUGH).wait_for(look);
    seen.unwrap_or_else(|| panic!("after {ENOUGH:?} still not so: {what}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting for another process takes real time"
)]
fn now() -> Instant {
    Instant::now()
}
