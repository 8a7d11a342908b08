//! What a relay has done since it was made, in numbers.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What this process has published since it was started. The numbers only grow; how much waits is in
/// [`Health`](super::Health).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Calls to the transport, whatever came of them.
    pub calls: u64,
    /// Events that the transport accepted. What is repeated counts again.
    pub events: u64,
    /// Entries of the outbox all of whose events were accepted; one entry is one to three events.
    pub published: u64,
    /// How often a lane had to wait for another try, whatever the reason.
    pub retried: u64,
    /// Entries that were set aside because the transport refuses them for good.
    pub set_aside: u64,
    /// How long the published entries took, from the time of the change to the transport's acceptance.
    pub latency: Latency,
}

/// How often something took how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latency {
    counts: [u64; Latency::BOUNDS.len() + 1],
    sum_millis: u64,
}

impl Latency {
    /// The upper bounds of all classes but the last, which has none; each bound belongs to its class.
    pub const BOUNDS: [Duration; 12] = [
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_mins(2),
    ];

    /// How many there were of each class: one more than there are [`BOUNDS`](Self::BOUNDS).
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        Duration::from_millis(self.sum_millis)
    }
}

/// Where a relay counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    calls: AtomicU64,
    events: AtomicU64,
    published: AtomicU64,
    retried: AtomicU64,
    set_aside: AtomicU64,
    latency: [AtomicU64; Latency::BOUNDS.len() + 1],
    latency_millis: AtomicU64,
}

impl Counters {
    pub(super) fn called(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    pub(super) fn accepted(&self, events: usize) {
        self.events.fetch_add(wide(events), Relaxed);
    }

    pub(super) fn published(&self, took: Duration) {
        self.published.fetch_add(1, Relaxed);
        let class = Latency::BOUNDS.partition_point(|bound| *bound < took);
        self.latency[class].fetch_add(1, Relaxed);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.latency_millis.fetch_add(millis, Relaxed);
    }

    pub(super) fn retried(&self, lanes: usize) {
        self.retried.fetch_add(wide(lanes), Relaxed);
    }

    pub(super) fn set_aside(&self) {
        self.set_aside.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> Metrics {
        Metrics {
            calls: self.calls.load(Relaxed),
            events: self.events.load(Relaxed),
            published: self.published.load(Relaxed),
            retried: self.retried.load(Relaxed),
            set_aside: self.set_aside.load(Relaxed),
            latency: Latency {
                counts: array::from_fn(|class| self.latency[class].load(Relaxed)),
                sum_millis: self.latency_millis.load(Relaxed),
            },
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_class() {
        let counters = Counters::default();
        for millis in [0, 5, 6, 120_000, 120_001] {
            counters.published(Duration::from_millis(millis));
        }
        let latency = counters.snapshot().latency;
        assert_eq!(latency.counts(), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((latency.count(), latency.sum().as_millis()), (5, 240_012));
    }
}
