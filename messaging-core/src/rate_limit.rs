//! The rate limits of one process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

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
    burst: u32,
    every: Duration,
}

impl Quota {
    /// So many at once, at least 1, and one more `every` so often.
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst: if burst == 0 { 1 } else { burst },
            every,
        }
    }
}

/// The limits of a [`ProcessLimiter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Showing that one types, or stopped, in whatever conversation. Default: 10 at once, and one a second.
    pub typing: Quota,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            typing: Quota::new(10, Duration::from_secs(1)),
        }
    }
}

impl RateLimits {
    /// With another [`typing`](Self::typing).
    pub fn with_typing(self, typing: Quota) -> Self {
        Self { typing }
    }

    fn of(&self, what: Limited) -> Quota {
        match what {
            Limited::Typing => self.typing,
        }
    }
}

/// Limits within this process: with several, a user has as many times the quota. Remembers only users who
/// have lately done something.
#[derive(Debug, Default)]
pub struct ProcessLimiter {
    limits: RateLimits,
    users: Mutex<Users>,
}

#[derive(Debug, Default)]
struct Users {
    /// When a user's quota will be whole again.
    whole_at: HashMap<(UserId, Limited), Timestamp>,
    /// Upon how many users those are forgotten whose quota is whole.
    forget_at: usize,
}

/// So few are not worth looking through.
const FEW: usize = 1_000;

impl ProcessLimiter {
    /// A limiter with these limits.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            users: Mutex::default(),
        }
    }
}

#[async_trait]
impl RateLimiter for ProcessLimiter {
    async fn admit(&self, user_id: &UserId, what: Limited, now: Timestamp) -> Result<Admission, PortError> {
        let quota = self.limits.of(what);
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.forget(now);
        let whole_at = users.whole_at.entry((user_id.clone(), what)).or_insert(now);
        let next = (*whole_at).max(now) + quota.every;
        let ahead = next.since(now).saturating_sub(quota.every * quota.burst);
        Ok(if ahead.is_zero() {
            *whole_at = next;
            Admission::Admitted
        } else {
            Admission::Refused { retry_after: ahead }
        })
    }
}

impl Users {
    fn forget(&mut self, now: Timestamp) {
        if self.whole_at.len() >= self.forget_at.max(FEW) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.forget_at = 2 * self.whole_at.len();
        }
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
        ProcessLimiter::new(RateLimits::default().with_typing(quota))
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
        let users = limiter.users.lock().unwrap().whole_at.len();
        assert!(users <= 2 * FEW, "{users}");
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
