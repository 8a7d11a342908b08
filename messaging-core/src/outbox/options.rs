//! Options of the relay.

use std::time::Duration;

use crate::with::with;

/// Options of the relay; the defaults suit production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayOptions {
    /// How long a lane is leased to its owner; at least twice [`call_timeout`](Self::call_timeout). Default: 10 s.
    pub lease: Duration,
    /// The time limit of one call to the transport, and of one call of the relay to the store. Default: 5 s.
    pub call_timeout: Duration,
    /// How often due lanes are claimed; while more are due than one claim takes, as soon as there is room for them. Default:
    /// 250 ms.
    pub probe_every: Duration,
    /// How many lanes one claim takes at most; at least 1. Default: 64.
    pub claim_limit: usize,
    /// How many calls to the transport may be under way at once; at least 1. Default: 8.
    pub concurrency: usize,
    /// How many lanes may wait in memory to be published. Default: 1,000.
    pub queue: usize,
    /// How many calls to the transport are made per second after an outage, so that the backlog does not overload it
    /// again; at least 1. The first burst may be as large as one second's calls. The rate doubles every 5 seconds, and
    /// is unlimited after a minute. Default: 50.
    pub drain_rate: u32,
    /// How long publishing stops after the transport refused our credentials. Default: 30 s.
    pub halt: Duration,
    /// How long shutting down may take. Default: 5 s.
    pub drain: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            call_timeout: Duration::from_secs(5),
            probe_every: Duration::from_millis(250),
            claim_limit: 64,
            concurrency: 8,
            queue: 1_000,
            drain_rate: 50,
            halt: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// Options with which no event would ever be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRelayOptions {
    /// Every call must end within its lane's lease; with a shorter lease no call, or one at a time, could be made.
    #[error("the lease must be at least twice the time-out of a call")]
    Lease,
    /// The named count must be at least 1.
    #[error("{0} must be at least 1")]
    None(&'static str),
}

impl RelayOptions {
    with! {
        with_lease lease: Duration,
        with_call_timeout call_timeout: Duration,
        with_probe_every probe_every: Duration,
        with_claim_limit claim_limit: usize,
        with_concurrency concurrency: usize,
        with_queue queue: usize,
        with_drain_rate drain_rate: u32,
        with_halt halt: Duration,
        with_drain drain: Duration,
    }

    pub(crate) fn check(&self) -> Result<(), InvalidRelayOptions> {
        if self.lease < 2 * self.call_timeout || self.lease.is_zero() {
            return Err(InvalidRelayOptions::Lease);
        }
        for (is_none, name) in [
            (self.claim_limit == 0, "claim_limit"),
            (self.concurrency == 0, "concurrency"),
            (self.drain_rate == 0, "drain_rate"),
        ] {
            if is_none {
                return Err(InvalidRelayOptions::None(name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_publish_nothing_are_refused() {
        let options = RelayOptions::default();
        let call = Duration::from_secs(1);
        assert_eq!(options.check(), Ok(()));
        assert_eq!(
            options.with_lease(2 * call).with_call_timeout(call).check(),
            Ok(())
        );
        assert_eq!(
            options.with_lease(call).with_call_timeout(call).check(),
            Err(InvalidRelayOptions::Lease)
        );
        assert_eq!(
            options.with_claim_limit(0).check(),
            Err(InvalidRelayOptions::None("claim_limit"))
        );
        assert_eq!(
            options.with_drain_rate(0).check(),
            Err(InvalidRelayOptions::None("drain_rate"))
        );
        assert_eq!(
            options.with_concurrency(0).check(),
            Err(InvalidRelayOptions::None("concurrency"))
        );
    }
}
