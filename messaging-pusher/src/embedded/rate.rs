//! How often one connection may speak to others.

use std::{collections::VecDeque, time::Duration};

use messaging_core::time::Timestamp;

/// At most so many events within any second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: usize,
    accepted: VecDeque<Timestamp>,
}

impl Rate {
    pub(super) fn new(per_second: usize) -> Self {
        Self {
            per_second,
            accepted: VecDeque::new(),
        }
    }

    /// Counts one more event, unless it is one too many.
    pub(super) fn accept(&mut self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| at <= now && now.since(at) < Duration::from_secs(1);
        // A clock that was set back must not silence the connection until it has caught up.
        self.accepted.retain(|at| recent(*at));
        let fits = self.accepted.len() < self.per_second;
        if fits {
            self.accepted.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_second_holds_at_most_ten() {
        let mut rate = Rate::new(10);
        let mut accept = |millis| rate.accept(Timestamp::from_millis(millis));
        assert!((0..10).all(|i| accept(5_000 + i * 50)));
        assert!(!accept(5_999));
        assert!(accept(6_000) && !accept(6_000));
        assert!(accept(1_000), "the clock was set back");
    }
}
