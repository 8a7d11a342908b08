//! The quotas: how often a user may perform each kind of action.

use std::{num::NonZeroU32, time::Duration};

use super::Limited;

/// How often an action is allowed: a burst, and then one more per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    burst: NonZeroU32,
    every: Duration,
}

impl Quota {
    /// Allows a burst of that many actions, at least 1, and one more per interval `every`; unlimited if that is zero.
    pub const fn new(burst: u32, every: Duration) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, every }
    }

    /// The number of actions allowed at once; at least 1.
    pub const fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// The interval after which one more action is allowed.
    pub const fn every(&self) -> Duration {
        self.every
    }
}

/// The quotas of each user, for each kind of action, over all conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Sending messages. Default: 30 per minute, with bursts of 10.
    pub sending: Quota,
    /// Opening conversations, including existing ones. Default: 20 per minute, with bursts of 10.
    pub opening: Quota,
    /// Reporting. Default: 2 per minute, with bursts of 5.
    pub reporting: Quota,
    /// Notifications that a user is typing or has stopped. Default: 60 per minute, with bursts of 10.
    pub typing: Quota,
    /// Repeating sends, of which each that is admitted gives its place among the sends back. Default: 60 a minute, of which
    /// 20 at once.
    pub repeating: Quota,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            sending: Quota::new(10, Duration::from_secs(2)),
            opening: Quota::new(10, Duration::from_secs(3)),
            reporting: Quota::new(5, Duration::from_secs(30)),
            typing: Quota::new(10, Duration::from_secs(1)),
            repeating: Quota::new(20, Duration::from_secs(1)),
        }
    }
}

impl RateLimits {
    /// Replaces the quota for one kind.
    pub fn with(mut self, what: Limited, quota: Quota) -> Self {
        *match what {
            Limited::Send => &mut self.sending,
            Limited::Open => &mut self.opening,
            Limited::Report => &mut self.reporting,
            Limited::Typing => &mut self.typing,
            Limited::Repeat => &mut self.repeating,
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
            Limited::Repeat => self.repeating,
        }
    }
}
