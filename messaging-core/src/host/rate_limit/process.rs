//! The limiter of one process.
//!
//! Each user has a [`Quota`] for each kind of action, by the generic cell rate algorithm (GCRA): a burst, and then one
//! more per interval. A refused call does not count, so a user who waits for `retry_after` is admitted.

use std::{
    collections::HashMap,
    ops::{Add, Sub},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Admission, Limited, Quota, RateLimiter, RateLimits};
use crate::{host::HostError, id::UserId, time::Timestamp};

/// A limiter within one process: with several processes, a user has the quota in each of them. It remembers only users
/// with recent actions.
///
/// After the clock is set back, a user waits at most the time in which a whole quota refills.
#[derive(Debug)]
pub struct ProcessLimiter {
    kinds: [Kind; Limited::ALL.len()],
}

impl Default for ProcessLimiter {
    fn default() -> Self {
        Self::new(RateLimits::default())
    }
}

impl ProcessLimiter {
    /// Creates a limiter with these limits.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            kinds: Limited::ALL.map(|what| Kind::new(limits.of(what))),
        }
    }
}

#[async_trait]
impl RateLimiter for ProcessLimiter {
    async fn admit(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<Admission, HostError> {
        Ok(self.kinds[what as usize].admit(user_id, Nanos::of(now)))
    }

    async fn give_back(&self, user_id: &UserId, what: Limited, _: Timestamp) -> Result<(), HostError> {
        self.kinds[what as usize].give_back(user_id);
        Ok(())
    }
}

/// The quota of one kind, with its users.
#[derive(Debug)]
struct Kind {
    quota: Quota,
    users: Mutex<Users>,
}

/// When each user's quota is full again; the quota of users without an entry is full.
#[derive(Debug)]
struct Users {
    whole_at: HashMap<UserId, Nanos>,
    /// The number of users at which those with a full quota are removed.
    forget_at: usize,
}

/// The number of users below which none are removed.
const FEW: usize = 1_000;

impl Kind {
    fn new(quota: Quota) -> Self {
        Self {
            quota,
            users: Mutex::new(Users {
                whole_at: HashMap::new(),
                forget_at: FEW,
            }),
        }
    }

    fn admit(&self, user_id: &UserId, now: Nanos) -> Admission {
        if self.quota.every().is_zero() {
            return Admission::Admitted;
        }
        let every = Nanos::from(self.quota.every());
        let whole = Nanos(every.0.saturating_mul(self.quota.burst().into()));
        let mut users = self.users();
        users.forget(now);
        // A time beyond a whole quota was counted before the clock was set back.
        let whole_at = users
            .whole_at
            .get(user_id)
            .map_or(now, |at| (*at).clamp(now, now + whole));
        let next = whole_at + every;
        let (kept, admission) = if next <= now + whole {
            (next, Admission::Admitted)
        } else {
            let retry_after = (next - now - whole).into();
            (whole_at, Admission::Refused { retry_after })
        };
        users.whole_at.insert(user_id.clone(), kept);
        admission
    }

    /// Takes one admission back. A time before now means a whole quota, as when the user is not there.
    fn give_back(&self, user_id: &UserId) {
        if let Some(whole_at) = self.users().whole_at.get_mut(user_id) {
            *whole_at = *whole_at - self.quota.every().into();
        }
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Users {
    fn forget(&mut self, now: Nanos) {
        if self.whole_at.len() >= self.forget_at {
            self.whole_at.retain(|_, at| *at > now);
            self.forget_at = FEW.max(2 * self.whole_at.len());
        }
    }
}

/// A time or a span in nanoseconds: an interval may be shorter than the millisecond of a [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Nanos(i128);

impl Nanos {
    fn of(now: Timestamp) -> Self {
        Self(i128::from(now.as_millis()) * 1_000_000)
    }
}

impl From<Duration> for Nanos {
    fn from(span: Duration) -> Self {
        Self(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX))
    }
}

impl From<Nanos> for Duration {
    /// Zero for a negative span.
    fn from(Nanos(span): Nanos) -> Self {
        u64::try_from(span.max(0)).map_or(Self::MAX, Self::from_nanos)
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A limiter without limits, for load tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl RateLimiter for Unlimited {
    async fn admit(&self, _: &UserId, _: Limited, _: Timestamp) -> Result<Admission, HostError> {
        Ok(Admission::Admitted)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    fn limiter(burst: u32, millis: u64) -> ProcessLimiter {
        let quota = Quota::new(burst, Duration::from_millis(millis));
        ProcessLimiter::new(RateLimits::default().with(Limited::Typing, quota))
    }

    /// Admits once and returns the wait in milliseconds; 0 if admitted.
    fn wait(limiter: &ProcessLimiter, user: &str, at: u64) -> u128 {
        let user = UserId::parse(user).unwrap();
        let now = Timestamp::EPOCH + Duration::from_millis(at);
        match limiter.admit(&user, Limited::Typing, now).now_or_never() {
            Some(Ok(Admission::Admitted)) => 0,
            Some(Ok(Admission::Refused { retry_after })) => retry_after.as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_at_a_time() {
        let limiter = limiter(3, 100);
        let waits: Vec<_> = [0, 0, 0, 0, 99, 100, 100, 250, 1_000, 1_000, 1_000, 1_000]
            .map(|at| wait(&limiter, "a", at))
            .into();
        assert_eq!(waits, [0, 0, 0, 100, 1, 0, 100, 0, 0, 0, 0, 100]);
        assert_eq!(wait(&limiter, "b", 0), 0, "another user has their own quota");
    }

    #[test]
    fn a_clock_set_back_never_causes_a_wait_longer_than_a_full_refill() {
        let hour = 3_600_000;
        let limiter = limiter(3, 100);
        for _ in 0..3 {
            assert_eq!(wait(&limiter, "a", hour), 0);
        }
        assert_eq!(wait(&limiter, "a", 0), 100, "the clock was set back by an hour");
        assert_eq!(wait(&limiter, "a", 60), 40);
        assert_eq!(wait(&limiter, "a", 100), 0);
        assert_eq!(wait(&limiter, "a", 400), 0, "the quota refills");
        assert_eq!(wait(&limiter, "a", 400), 0);
        assert_eq!(wait(&limiter, "a", 400), 0);
        assert_eq!(wait(&limiter, "a", 400), 100);
    }

    #[test]
    fn users_with_a_full_quota_are_removed() {
        let limiter = limiter(2, 10);
        for n in 0..100_000 {
            assert_eq!(wait(&limiter, &format!("user-{n}"), n), 0);
        }
        let users = limiter.kinds[Limited::Typing as usize].users().whole_at.len();
        assert!(users <= 2 * FEW, "{users}");
    }

    #[test]
    fn each_kind_has_a_quota_of_its_own() {
        let limits = RateLimits::default();
        let limiter = ProcessLimiter::new(limits);
        let user = UserId::parse("a").unwrap();
        for what in Limited::ALL {
            for n in 0..=limits.of(what).burst() {
                let admitted = limiter.admit(&user, what, Timestamp::EPOCH).now_or_never();
                let expected = if n < limits.of(what).burst() {
                    Admission::Admitted
                } else {
                    let retry_after = limits.of(what).every();
                    Admission::Refused { retry_after }
                };
                assert_eq!(admitted.unwrap().unwrap(), expected, "{what:?} {n}");
            }
        }
    }

    #[test]
    fn a_refunded_action_is_admitted_again_within_the_quota() {
        let limiter = limiter(2, 100);
        let give_back = |user: &str| {
            let user = UserId::parse(user).unwrap();
            let given = limiter.give_back(&user, Limited::Typing, Timestamp::EPOCH);
            given.now_or_never().unwrap().unwrap();
        };
        assert_eq!([wait(&limiter, "a", 0), wait(&limiter, "a", 0)], [0, 0]);
        give_back("a");
        assert_eq!([wait(&limiter, "a", 0), wait(&limiter, "a", 0)], [0, 100]);
        for _ in 0..9 {
            give_back("a");
        }
        let waits: Vec<_> = (0..3).map(|_| wait(&limiter, "a", 0)).collect();
        assert_eq!(waits, [0, 0, 100], "refunds do not exceed a full quota");
        give_back("b");
        assert_eq!(wait(&limiter, "b", 0), 0, "a user without an admission");
    }

    #[test]
    fn a_zero_interval_is_unlimited() {
        let limiter = limiter(0, 0);
        assert!((0..1_000).all(|_| wait(&limiter, "a", 0) == 0));
    }

    #[test]
    fn the_first_and_last_timestamps_are_accepted() {
        let limiter = limiter(2, 100);
        let user = UserId::parse("a").unwrap();
        for millis in [i64::MIN, -1, 0, i64::MAX / 2, i64::MAX, 0] {
            for _ in 0..5 {
                let now = Timestamp::from_millis(millis);
                assert!(matches!(
                    limiter.admit(&user, Limited::Typing, now).now_or_never(),
                    Some(Ok(_))
                ));
            }
        }
    }

    proptest! {
        #[test]
        fn under_any_clock_a_wait_is_at_most_a_full_refill(
            burst in 1..5_u32, every in 1..50_u64, times in proptest::collection::vec(0..10_000_u64, 1..100)
        ) {
            let limiter = limiter(burst, every);
            for now in times {
                let waited = wait(&limiter, "a", now);
                prop_assert!(waited <= u128::from(u64::from(burst) * every), "{waited}");
                let then = now + u64::try_from(waited).unwrap();
                if waited > 0 {
                    prop_assert_eq!(wait(&limiter, "a", then), 0, "admitted after the returned wait");
                }
            }
        }

        #[test]
        fn at_most_the_quota_is_admitted_in_any_span(
            burst in 1..5_u32, every in 1..50_u64, steps in proptest::collection::vec(0..60_u64, 1..200)
        ) {
            let limiter = limiter(burst, every);
            let mut now = 0;
            let mut admitted = Vec::new();
            for step in steps {
                now += step;
                match wait(&limiter, "a", now) {
                    0 => admitted.push(now),
                    refused => {
                        let then = now + u64::try_from(refused).unwrap();
                        prop_assert!(wait(&limiter, "a", then - 1) > 0, "not admitted before the returned wait");
                        now = then;
                        prop_assert_eq!(wait(&limiter, "a", now), 0);
                        admitted.push(now);
                    }
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (count, to) in admitted[first..].iter().enumerate() {
                    let most = u64::from(burst) + (to - from) / every;
                    prop_assert!((count as u64) < most, "{} in {} ms", count + 1, to - from);
                }
            }
        }
    }
}
