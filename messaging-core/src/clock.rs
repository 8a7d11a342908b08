//! The sources of time, ids and randomness. Nothing else in this workspace asks the system for them.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use uuid::Uuid;

use crate::{id::Bucket, time::Timestamp};

/// A source of time, and of delays.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current time. It may go back when the system's clock is set; the times of messages, receipts and activity do
    /// not. Leases and deferrals of the relay require the clocks of all processes to agree within a third of a lease; a
    /// clock that is set back further delays publishing by that amount.
    fn now(&self) -> Timestamp;

    /// Returns after `wait` has passed. Cancel-safe.
    async fn sleep(&self, wait: Duration);
}

/// A source of new ids, and of randomness for jitter.
pub trait IdSource: Send + Sync {
    /// A new UUIDv7 with the time `at`. It differs from every other id in more than its last 12 bits: a
    /// [bucket](crate::id::Bucket) replaces those in ids of conversations and reports.
    fn new_id(&self, at: Timestamp) -> Uuid;

    /// A uniformly distributed number from 0 (inclusive) to 1 (exclusive).
    fn chance(&self) -> f64;
}

/// The future was not ready in time and was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("time-out")]
pub struct Elapsed;

/// Runs a future for at most `limit`.
///
/// # Errors
/// [`Elapsed`] if the future took longer.
pub async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let sleep = clock.sleep(limit);
    match select(pin!(future), sleep).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(((), _)) => Err(Elapsed),
    }
}

/// A clock for tests that moves only when a test moves it.
///
/// Clones share the same time. It starts at 2026-01-01T00:00:00Z.
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<Manual>>);

struct Manual {
    now: Timestamp,
    sleepers: Vec<(Timestamp, Waker)>,
}

impl ManualClock {
    /// Creates a clock at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Manual {
            now: Timestamp::from_millis(1_767_225_600_000),
            sleepers: Vec::new(),
        })))
    }

    /// Moves the time forward, and wakes the tasks whose wait has passed.
    pub fn advance(&self, by: Duration) {
        let now = self.lock().now + by;
        self.set(now);
    }

    /// Sets the time, also backwards.
    pub fn set(&self, now: Timestamp) {
        let mut manual = self.lock();
        manual.now = now;
        for (_, waker) in manual.sleepers.extract_if(.., |(until, _)| *until <= now) {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.lock().now)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn sleep(&self, wait: Duration) {
        let until = self.now() + wait;
        std::future::poll_fn(|cx| {
            let mut manual = self.lock();
            if manual.now >= until {
                return Poll::Ready(());
            }
            let asleep = |(at, waker): &(Timestamp, Waker)| *at == until && waker.will_wake(cx.waker());
            if !manual.sleepers.iter().any(asleep) {
                manual.sleepers.push((until, cx.waker().clone()));
            }
            Poll::Pending
        })
        .await;
    }
}

/// An id source for tests: ids count up above the bits of a [bucket](crate::id::Bucket), and the random number is
/// always one half.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn new_id(&self, at: Timestamp) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed) << Bucket::BITS;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&count.to_be_bytes());
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn chance(&self) -> f64 {
        0.5
    }
}

pub use system::{SystemClock, SystemIds};

#[expect(clippy::disallowed_methods, reason = "the only place that asks the system")]
mod system {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{Clock, Duration, IdSource, Timestamp, Uuid, async_trait};

    /// The system's clock. It waits on tokio's timer, so it needs a tokio runtime with time enabled.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct SystemClock;

    #[async_trait]
    impl Clock for SystemClock {
        fn now(&self) -> Timestamp {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp::EPOCH + since
        }

        async fn sleep(&self, wait: Duration) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Random UUIDv7s. A [bucket](crate::id::Bucket) leaves 62 of an id's 74 random bits: among 1,000 ids made in one
    /// millisecond for clients of one bucket, two are equal with a probability of 1 in 10^13.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct SystemIds;

    impl IdSource for SystemIds {
        fn new_id(&self, at: Timestamp) -> Uuid {
            let millis = u64::try_from(at.as_millis()).unwrap_or(0);
            let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos))
        }

        fn chance(&self) -> f64 {
            let (_, low) = self.new_id(Timestamp::EPOCH).as_u64_pair();
            let bits = u32::try_from(low & 0xffff_ffff).unwrap_or(0);
            f64::from(bits) / (f64::from(u32::MAX) + 1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_tasks_whose_wait_has_passed() {
        let clock = ManualClock::new();
        let slow = timeout(&clock, Duration::from_secs(1), std::future::pending::<()>());
        let advance = async { clock.advance(Duration::from_secs(1)) };
        assert_eq!(tokio::join!(slow, advance).0, Err(Elapsed));
        assert_eq!(timeout(&clock, Duration::from_secs(1), async { 7 }).await, Ok(7));
    }

    #[test]
    fn ids_never_repeat_and_chance_is_a_fraction() {
        let at = ManualClock::new().now();
        for ids in [&SequentialIds::default() as &dyn IdSource, &SystemIds] {
            let all: std::collections::HashSet<_> = (0..1000).map(|_| ids.new_id(at)).collect();
            assert_eq!(all.len(), 1000);
            assert!(all.iter().all(|id| id.get_version_num() == 7));
            assert!((0..1000).map(|_| ids.chance()).all(|c| (0.0..1.0).contains(&c)));
        }
    }
}
