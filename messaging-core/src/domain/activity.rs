//! Activity: counts of messages, openings and replies per hour or day.

use std::{collections::BTreeSet, time::Duration};

use super::calendar::Buckets;
use crate::{id::UserId, time::Timestamp, with::with};

/// The activity in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Activity {
    /// The number of messages sent by users.
    pub messages: u64,
    /// The number of conversations opened.
    pub opened: u64,
    /// The number of users who sent or read a message.
    pub active_users: u64,
    /// The agents' first replies.
    pub first_replies: FirstReplies,
}

impl Activity {
    with! {
        with_messages messages: u64,
        with_opened opened: u64,
        with_active_users active_users: u64,
        with_first_replies first_replies: FirstReplies,
    }
}

/// Agents' first replies to clients, one per conversation, and how long the clients waited. A percentile is one of the
/// waits: the smallest one that is at least as long as the given share of all waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FirstReplies {
    /// The number of first replies.
    pub count: u64,
    /// The median wait; `None` if there were no replies.
    pub median: Option<Duration>,
    /// The 95th percentile of the waits; `None` if there were no replies.
    pub p95: Option<Duration>,
}

impl FirstReplies {
    with! {
        with_count count: u64,
        with_median median: Option<Duration>,
        with_p95 p95: Option<Duration>,
    }
}

/// Counts activity per bucket, for a store that reads every row. Times outside of the buckets are not counted.
#[derive(Debug)]
pub struct ActivityCounter<'a> {
    buckets: &'a Buckets,
    counted: Vec<Counted>,
}

/// The counts of one bucket.
#[derive(Debug, Clone, Default)]
struct Counted {
    messages: u64,
    opened: u64,
    active: BTreeSet<UserId>,
    waits: Vec<Duration>,
}

impl<'a> ActivityCounter<'a> {
    /// Creates a counter without activity.
    pub fn new(buckets: &'a Buckets) -> Self {
        Self {
            buckets,
            counted: vec![Counted::default(); buckets.count()],
        }
    }

    /// Counts an opened conversation.
    pub fn opened(&mut self, at: Timestamp) {
        self.at(at, |bucket| bucket.opened += 1);
    }

    /// Counts a message sent by a user.
    pub fn sent(&mut self, at: Timestamp, by: UserId) {
        self.at(at, |bucket| {
            bucket.messages += 1;
            bucket.active.insert(by);
        });
    }

    /// Counts a user who read a message.
    pub fn read(&mut self, at: Timestamp, by: UserId) {
        self.at(at, |bucket| {
            bucket.active.insert(by);
        });
    }

    /// Counts an agent's first reply in a conversation, and how long the client had waited for it.
    pub fn replied(&mut self, at: Timestamp, wait: Duration) {
        self.at(at, |bucket| bucket.waits.push(wait));
    }

    /// The activity in each bucket.
    pub fn finish(self) -> Vec<Activity> {
        self.counted.into_iter().map(Into::into).collect()
    }

    fn at(&mut self, at: Timestamp, what: impl FnOnce(&mut Counted)) {
        if let Some(position) = self.buckets.position(at) {
            what(&mut self.counted[position]);
        }
    }
}

impl From<Counted> for Activity {
    fn from(counted: Counted) -> Self {
        Self {
            messages: counted.messages,
            opened: counted.opened,
            active_users: counted.active.len() as u64,
            first_replies: FirstReplies::of(counted.waits),
        }
    }
}

impl FirstReplies {
    /// The count and percentiles of these waits.
    pub fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self {
            count: waits.len() as u64,
            median: percentile(&waits, 0.5),
            p95: percentile(&waits, 0.95),
        }
    }
}

/// The smallest of the sorted waits that is at least as long as `share` of them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length is a length, as databases count it"
)]
fn percentile(waits: &[Duration], share: f64) -> Option<Duration> {
    let rank = (share * waits.len() as f64).ceil() as usize;
    waits.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_waits() {
        let replies = |secs: &[u64]| FirstReplies::of(secs.iter().map(|n| Duration::from_secs(*n)).collect());
        let expected = |count, median, p95| FirstReplies {
            count,
            median: Some(Duration::from_secs(median)),
            p95: Some(Duration::from_secs(p95)),
        };
        assert_eq!(replies(&[]), FirstReplies::default());
        assert_eq!(replies(&[7]), expected(1, 7, 7));
        assert_eq!(replies(&[9, 1]), expected(2, 1, 9));
        assert_eq!(replies(&(1..=20).collect::<Vec<_>>()), expected(20, 10, 19));
        assert_eq!(replies(&(1..=21).rev().collect::<Vec<_>>()), expected(21, 11, 20));
    }
}
