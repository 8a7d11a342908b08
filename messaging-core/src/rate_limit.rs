//! The rate limits, and the limiter of one process.
//!
//! Each kind of thing has a [`Quota`], and each user their own of it, by the generic cell rate algorithm (GCRA): so
//! many at once, and one more whenever a while has passed. What is refused counts for nothing, so that whoever waits
//! as long as they were told is admitted.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use governor::{
    RateLimiter as Governor, clock, middleware::NoOpMiddleware, nanos::Nanos, state::keyed::HashMapStateStore,
};

use crate::{
    id::UserId,
    port::{
        PortError,
        rate_limit::{Admission, Limited, RateLimiter},
    },
    time::Timestamp,
};

/// How often something may be done: so many at once, and one more whenever a while has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    burst: NonZeroU32,
    every: Duration,
}

impl Quota {
    /// So many at once, at least 1, and one more `every` so often; as often as anybody likes if that is zero.
    pub const fn new(burst: u32, every: Duration) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, every }
    }

    /// How many at once: at least 1.
    pub const fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// After how long there is one more.
    pub const fn every(&self) -> Duration {
        self.every
    }
}

/// What each user may do, and how often; of one kind in whatever conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Sending messages. Default: 30 a minute, of which 10 at once.
    pub sending: Quota,
    /// Opening conversations, also those that are there. Default: 20 a minute, of which 10 at once.
    pub opening: Quota,
    /// Reporting. Default: 2 a minute, of which 5 at once.
    pub reporting: Quota,
    /// Showing that one types, or stopped. Default: 60 a minute, of which 10 at once.
    pub typing: Quota,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            sending: Quota::new(10, Duration::from_secs(2)),
            opening: Quota::new(10, Duration::from_secs(3)),
            reporting: Quota::new(5, Duration::from_secs(30)),
            typing: Quota::new(10, Duration::from_secs(1)),
        }
    }
}

impl RateLimits {
    /// With another quota for one kind.
    pub fn with(mut self, what: Limited, quota: Quota) -> Self {
        *match what {
            Limited::Send => &mut self.sending,
            Limited::Open => &mut self.opening,
            Limited::Report => &mut self.reporting,
            Limited::Typing => &mut self.typing,
        } = quota;
        self
    }

    /// The quota for one kind.
    pub const fn of(&self, what: Limited) -> Quota {
        match what {
            Limited::Send => self.sending,
            Limited::Open => self.opening,
            Limited::Report => self.reporting,
            Limited::Typing => self.typing,
        }
    }
}

/// Limits within this process: with several, a user has as many times the quota. Remembers only users who
/// have lately done something.
#[derive(Debug)]
pub struct ProcessLimiter {
    now: Now,
    gates: [Gate; Limited::ALL.len()],
}

impl Default for ProcessLimiter {
    fn default() -> Self {
        Self::new(RateLimits::default())
    }
}

impl ProcessLimiter {
    /// A limiter with these limits.
    pub fn new(limits: RateLimits) -> Self {
        let now = Now::default();
        let gates = Limited::ALL.map(|what| Gate::new(limits.of(what), &now));
        Self { now, gates }
    }
}

#[async_trait]
impl RateLimiter for ProcessLimiter {
    async fn admit(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<Admission, PortError> {
        self.now.set(now);
        Ok(self.gates[what as usize].admit(user_id, &self.now))
    }
}

type Users = Governor<UserId, HashMapStateStore<UserId>, Now, NoOpMiddleware<Nanos>>;

/// The limiter of one kind.
#[derive(Debug)]
struct Gate {
    /// `None` where nothing is limited.
    users: Option<Users>,
    /// Upon how many users those are forgotten whose quota is whole.
    forget_at: AtomicUsize,
}

/// So few are not worth looking through.
const FEW: usize = 1_000;

impl Gate {
    fn new(quota: Quota, now: &Now) -> Self {
        let governed = governor::Quota::with_period(quota.every);
        let users = governed.map(|governed| {
            let governed = governed.allow_burst(quota.burst);
            Governor::hashmap_with_clock(governed, now.clone())
        });
        Self {
            users,
            forget_at: AtomicUsize::new(FEW),
        }
    }

    fn admit(&self, user_id: &UserId, now: &Now) -> Admission {
        let Some(users) = &self.users else {
            return Admission::Admitted;
        };
        if users.len() >= self.forget_at.load(Ordering::Relaxed) {
            users.retain_recent();
            self.forget_at.store(FEW.max(2 * users.len()), Ordering::Relaxed);
        }
        match users.check_key(user_id) {
            Ok(()) => Admission::Admitted,
            Err(until) => Admission::Refused {
                retry_after: until.wait_time_from(clock::Clock::now(now)),
            },
        }
    }
}

/// The time as it was given last: steps are counted at the time that they are taken at, not at that of a clock of
/// the limiter's own.
#[derive(Debug, Clone, Default)]
struct Now(Arc<AtomicU64>);

impl Now {
    fn set(&self, now: Timestamp) {
        let nanos = u64::try_from(now.as_millis())
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        self.0.store(nanos.min(LATEST), Ordering::Relaxed);
    }
}

/// In the year 2262; time stands still then.
const LATEST: u64 = u64::MAX / 2;

impl clock::Clock for Now {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

/// No limits: for load tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl RateLimiter for Unlimited {
    async fn admit(&self, _: &UserId, _: Limited, _: Timestamp) -> Result<Admission, PortError> {
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

    /// After how many milliseconds it may be done, 0 if it was.
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
    fn users_whose_quota_is_whole_are_forgotten() {
        let limiter = limiter(2, 10);
        for n in 0..100_000 {
            assert_eq!(wait(&limiter, &format!("user-{n}"), n), 0);
        }
        let gate = &limiter.gates[Limited::Typing as usize];
        let users = gate.users.as_ref().unwrap().len();
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
    fn without_a_while_between_nothing_is_limited() {
        let limiter = limiter(0, 0);
        assert!((0..1_000).all(|_| wait(&limiter, "a", 0) == 0));
    }

    #[test]
    fn at_the_ends_of_time_nothing_breaks() {
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
        fn never_more_than_the_quota_in_any_span(
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
                        prop_assert!(wait(&limiter, "a", then - 1) > 0, "it may come earlier");
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
