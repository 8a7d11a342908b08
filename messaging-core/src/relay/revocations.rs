//! Calls that revoke a user as a whole, and which entries each of them serves.
//!
//! Such a call ends all connections of the user, so it is made for many entries at once, and seldom: of each user at most
//! one in [`SPACING`]. A call serves every entry that this process had seen before it began, since what has been seen was
//! committed. Clocks are not asked for that: an entry bears another process's time, from before its commit.
//!
//! All of it is this process's own memory: another process that publishes entries of the same user makes calls of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::retry;
use crate::{
    id::{ConversationId, UserId},
    port::realtime::PublishErrorKind,
    time::Timestamp,
};

/// The time between the beginnings of two calls for a user.
const SPACING: Duration = Duration::from_secs(10);

/// For how long an entry is held while calls for its user fail.
const HELD_FOR: Duration = Duration::from_mins(1);

/// When an entry is looked at again that the call under way will serve.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// After how long an entry is forgotten that another process publishes by now.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// An entry that ends access: the conversation, and its number there.
pub(super) type EntryKey = (ConversationId, u64);

/// The users whose access has ended of late.
#[derive(Debug, Default)]
pub(super) struct Revocations(Mutex<HashMap<UserId, Calls>>);

/// The calls for one user, numbered from 1 in the order of their beginnings.
#[derive(Debug)]
struct Calls {
    /// How many have begun.
    begun: u64,
    /// The last one, while it has no answer.
    under_way: Option<u64>,
    /// None begins before then.
    not_before: Timestamp,
    /// The last call that need not be repeated, and what came of it.
    over: (u64, Outcome),
    /// The last call that failed in a way that passes.
    failed: u64,
    entries: HashMap<EntryKey, Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Timestamp,
    last: Timestamp,
    /// How many calls had begun when it was first seen: a later one serves it.
    begun: u64,
    is_told: bool,
}

/// What came of the revocation that an entry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The user's connections have been ended.
    Ended,
    /// They could not be: they last until they end by themselves.
    Failed,
}

/// How an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The outcome is known since now.
    News(Outcome),
    /// The outcome has been told before: the lane is published once more.
    Over,
    /// The last call for it failed: to be tried again then.
    Failed(Timestamp),
    /// A later call serves it: to be looked at again then.
    Waits(Timestamp),
}

impl Revocations {
    /// Begins a call for a user, unless these entries need none, or none may be made yet. Returns its number.
    pub(super) fn begin(&self, user_id: &UserId, entries: &[EntryKey], now: Timestamp) -> Option<u64> {
        let mut users = self.users();
        users.retain(|_, calls| calls.is_wanted(now));
        let calls = users.entry(user_id.clone()).or_insert_with(|| Calls::new(now));
        for entry in entries {
            calls.see(*entry, now);
        }
        let is_needed = entries.iter().any(|entry| !calls.serves(entry));
        (is_needed && calls.not_before <= now).then(|| calls.begin(now))
    }

    /// Notes how a call ended.
    pub(super) fn end(
        &self,
        user_id: &UserId,
        number: u64,
        ended: Result<(), PublishErrorKind>,
        now: Timestamp,
    ) {
        if let Some(calls) = self.users().get_mut(user_id) {
            calls.end(number, ended, now);
        }
    }

    /// How an entry stands that [`begin`](Self::begin) was told of.
    pub(super) fn standing(&self, user_id: &UserId, entry: &EntryKey, now: Timestamp) -> Standing {
        let mut users = self.users();
        let standing = users
            .get_mut(user_id)
            .and_then(|calls| calls.standing(entry, now));
        // It was forgotten since: as if it were new.
        standing.unwrap_or(Standing::Waits(now))
    }

    /// The entry has been published.
    pub(super) fn forget(&self, user_id: &UserId, entry: &EntryKey) {
        if let Some(calls) = self.users().get_mut(user_id) {
            calls.entries.remove(entry);
        }
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Calls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn new(now: Timestamp) -> Self {
        Self {
            begun: 0,
            under_way: None,
            not_before: now,
            over: (0, Outcome::Ended),
            failed: 0,
            entries: HashMap::new(),
        }
    }

    fn is_wanted(&mut self, now: Timestamp) -> bool {
        self.entries
            .retain(|_, seen| now.since(seen.last) < FORGOTTEN_AFTER);
        !self.entries.is_empty() || now < self.not_before
    }

    fn see(&mut self, entry: EntryKey, now: Timestamp) {
        let begun = self.begun;
        let seen = self.entries.entry(entry).or_insert(Seen {
            at: now,
            last: now,
            begun,
            is_told: false,
        });
        seen.last = now;
    }

    /// Whether a call that began after an entry was seen need not be repeated.
    fn serves(&self, entry: &EntryKey) -> bool {
        self.entries
            .get(entry)
            .is_some_and(|seen| seen.begun < self.over.0)
    }

    fn begin(&mut self, now: Timestamp) -> u64 {
        self.begun += 1;
        self.under_way = Some(self.begun);
        self.not_before = now + SPACING;
        self.begun
    }

    fn end(&mut self, number: u64, ended: Result<(), PublishErrorKind>, now: Timestamp) {
        self.under_way = self.under_way.filter(|under_way| *under_way != number);
        // A later one, which may begin where this one took long, says more.
        if number < self.over.0.max(self.failed) {
            return;
        }
        match ended {
            Ok(()) => self.over = (number, Outcome::Ended),
            Err(PublishErrorKind::Busy { retry_after }) => {
                let asked = retry_after.unwrap_or_default().min(retry::MAX_DELAY);
                self.not_before = self.not_before.max(now + asked);
                self.failed = number;
            }
            Err(PublishErrorKind::Down) => self.failed = number,
            Err(PublishErrorKind::Refused | PublishErrorKind::Misconfigured) => {
                self.over = (number, Outcome::Failed);
            }
        }
    }

    fn standing(&mut self, entry: &EntryKey, now: Timestamp) -> Option<Standing> {
        let outcome = self.serves(entry).then_some(self.over.1);
        let (failed, begun) = (self.failed, self.begun);
        let (under_way, not_before) = (self.under_way, self.not_before);
        let seen = self.entries.get_mut(entry)?;
        let has_failed = seen.begun < failed;
        let is_given_up = has_failed && now.since(seen.at) >= HELD_FOR;
        let outcome = outcome.or(is_given_up.then_some(Outcome::Failed));
        Some(match outcome {
            Some(outcome) if !std::mem::replace(&mut seen.is_told, true) => Standing::News(outcome),
            Some(_) => Standing::Over,
            None if under_way.is_some_and(|number| seen.begun < number) => Standing::Waits(now + UNDER_WAY),
            None if has_failed && failed == begun => Standing::Failed(not_before.max(now)),
            None => Standing::Waits(not_before.max(now)),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const DOWN: Result<(), PublishErrorKind> = Err(PublishErrorKind::Down);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(seconds)
    }

    fn entry(n: u128) -> EntryKey {
        (ConversationId::new(Uuid::from_u128(n)), 1)
    }

    /// The calls for one user.
    struct World(Revocations, UserId);

    impl World {
        fn new() -> Self {
            let user_id = UserId::parse("ada").expect("an id");
            Self(Revocations::default(), user_id)
        }

        fn begin(&self, n: u128, seconds: u64) -> Option<u64> {
            self.0.begin(&self.1, &[entry(n)], at(seconds))
        }

        fn end(&self, number: u64, ended: Result<(), PublishErrorKind>, seconds: u64) {
            self.0.end(&self.1, number, ended, at(seconds));
        }

        fn standing(&self, n: u128, seconds: u64) -> Standing {
            self.0.standing(&self.1, &entry(n), at(seconds))
        }
    }

    #[test]
    fn a_call_serves_what_was_seen_before_it_began_and_nothing_later() {
        let world = World::new();
        assert_eq!(world.begin(1, 0), Some(1));
        assert_eq!(world.begin(2, 0), None, "one is under way");
        assert_eq!(
            world.standing(2, 0),
            Standing::Waits(at(10)),
            "and began before it was seen"
        );
        world.end(1, Ok(()), 1);
        assert_eq!(world.standing(1, 1), Standing::News(Outcome::Ended));
        assert_eq!(world.standing(1, 1), Standing::Over);
        assert_eq!(world.begin(3, 9), None);
        assert_eq!(world.begin(2, 10), Some(2));
        assert_eq!(world.begin(3, 10), None);
        assert_eq!(world.standing(3, 10), Standing::Waits(at(10) + UNDER_WAY));
        world.end(2, Ok(()), 10);
        for n in [2, 3] {
            assert_eq!(world.standing(n, 10), Standing::News(Outcome::Ended));
        }
    }

    #[test]
    fn what_has_been_served_needs_no_call_until_it_is_published() {
        let world = World::new();
        world.begin(1, 0);
        world.end(1, Ok(()), 0);
        assert_eq!(world.begin(1, 100), None);
        world.0.forget(&world.1, &entry(1));
        assert_eq!(world.begin(1, 100), Some(1), "another entry under that number");
    }

    #[test]
    fn a_call_that_fails_is_repeated_as_seldom_and_for_a_minute_at_most() {
        let world = World::new();
        let mut now = 0;
        for number in 1..=6 {
            assert_eq!(world.begin(1, now), Some(number));
            world.end(number, DOWN, now);
            assert_eq!(world.standing(1, now), Standing::Failed(at(now + 10)));
            assert_eq!(world.begin(1, now + 9), None);
            now += 10;
        }
        assert_eq!(world.begin(2, 59), None);
        assert_eq!(world.begin(1, 60), Some(7));
        world.end(7, DOWN, 60);
        assert_eq!(world.standing(1, 60), Standing::News(Outcome::Failed));
        assert_eq!(
            world.standing(2, 60),
            Standing::Failed(at(70)),
            "for a minute of its own"
        );
    }

    #[test]
    fn patience_is_as_long_as_was_asked_for_and_half_a_minute_at_most() {
        for (asked, given) in [(5, 10), (20, 20), (3_600, 30)] {
            let world = World::new();
            world.begin(1, 0);
            let retry_after = Some(Duration::from_secs(asked));
            world.end(1, Err(PublishErrorKind::Busy { retry_after }), 0);
            assert_eq!(world.standing(1, 0), Standing::Failed(at(given)));
            assert_eq!(world.begin(1, given - 1), None);
            assert_eq!(world.begin(1, given), Some(2));
        }
    }

    #[test]
    fn a_call_that_is_refused_is_not_repeated() {
        let world = World::new();
        world.begin(1, 0);
        world.end(1, Err(PublishErrorKind::Refused), 0);
        assert_eq!(world.standing(1, 0), Standing::News(Outcome::Failed));
        assert_eq!(world.begin(1, 100), None);
    }

    #[test]
    fn users_and_entries_that_are_published_elsewhere_are_forgotten() {
        let world = World::new();
        world.begin(1, 0);
        world.end(1, Ok(()), 0);
        let other = UserId::parse("bo").expect("an id");
        world.0.begin(&other, &[entry(2)], at(600));
        assert_eq!(world.0.users().keys().collect::<Vec<_>>(), [&other]);
    }
}
