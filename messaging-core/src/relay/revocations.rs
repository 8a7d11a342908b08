//! Calls that revoke a user as a whole, and which entries each of them serves.
//!
//! Such a call ends all connections of the user, so it is made for many entries at once, and seldom: of each user at most
//! one in [`SPACING`]. A call serves every entry that this process had seen before it began, since what has been seen was
//! committed. Clocks are not asked for that: an entry bears another process's time, from before its commit.
//!
//! All of it is this process's own memory: another process that publishes entries of the same user makes calls of its own.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    backoff,
    id::{ConversationId, UserId},
    time::Timestamp,
    transport::TransportErrorKind,
};

/// The time between the beginnings of two calls for a user.
const SPACING: Duration = Duration::from_secs(10);

/// For how long an entry is held while calls for its user fail.
const HELD_FOR: Duration = Duration::from_mins(1);

/// The number of tries of a lane after which a failed call holds it no longer: about a minute, by the pauses between
/// tries. Without this bound a lane that every process takes up anew would be held for a minute by each of them.
pub(super) const MAX_TRIES: u32 = 8;

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
    /// Whether the log has a line about entries that were given up since the last call that succeeded.
    is_giving_up_logged: bool,
    entries: HashMap<EntryKey, Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Timestamp,
    last: Timestamp,
    /// How many calls had begun when it was first seen: a later one serves it.
    begun: u64,
    /// Whether its outcome has been logged and counted.
    is_reported: bool,
}

/// What came of the revocation that an entry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The user's connections have been ended.
    Ended,
    /// The transport refuses to end them: they last until they end by themselves.
    Refused,
    /// Calls have failed for too long: the connections last until they end by themselves.
    GivenUp,
}

/// What an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing: the outcome is known, and this caller reports it.
    Known(Outcome),
    /// Nothing: the outcome was reported before, and the lane is published once more.
    Reported,
    /// Another try at that time: the last call for it failed.
    Failed(Timestamp),
    /// A later call, which serves it: the entry is looked at again at that time.
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
        ended: Result<(), TransportErrorKind>,
        now: Timestamp,
    ) {
        if let Some(calls) = self.users().get_mut(user_id) {
            calls.end(number, ended, now);
        }
    }

    /// What an entry waits for that [`begin`](Self::begin) has seen, and whose lane has failed that many times in a row.
    pub(super) fn standing(
        &self,
        user_id: &UserId,
        entry: &EntryKey,
        tries: u32,
        now: Timestamp,
    ) -> Standing {
        let mut users = self.users();
        let standing = users
            .get_mut(user_id)
            .and_then(|calls| calls.standing(entry, tries, now));
        // It was forgotten since: as if it were new.
        standing.unwrap_or(Standing::Waits(now))
    }

    /// Whether an entry of the user that is given up is the first since the last call that succeeded.
    pub(super) fn is_first_given_up(&self, user_id: &UserId) -> bool {
        let mut users = self.users();
        let calls = users.get_mut(user_id);
        calls.is_none_or(|calls| !mem::replace(&mut calls.is_giving_up_logged, true))
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
            is_giving_up_logged: false,
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
            is_reported: false,
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

    fn end(&mut self, number: u64, ended: Result<(), TransportErrorKind>, now: Timestamp) {
        self.under_way = self.under_way.filter(|under_way| *under_way != number);
        // A later one, which may begin where this one took long, says more.
        if number < self.over.0.max(self.failed) {
            return;
        }
        match ended {
            Ok(()) => {
                self.over = (number, Outcome::Ended);
                self.is_giving_up_logged = false;
            }
            Err(TransportErrorKind::Busy { retry_after } | TransportErrorKind::Deferred { retry_after }) => {
                let asked = retry_after.unwrap_or_default().min(backoff::MAX_DELAY);
                self.not_before = self.not_before.max(now + asked);
                self.failed = number;
            }
            Err(TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown) => self.failed = number,
            Err(TransportErrorKind::Refused | TransportErrorKind::Misconfigured) => {
                self.over = (number, Outcome::Refused);
            }
        }
    }

    fn standing(&mut self, entry: &EntryKey, tries: u32, now: Timestamp) -> Option<Standing> {
        let outcome = self.serves(entry).then_some(self.over.1);
        let (failed, begun) = (self.failed, self.begun);
        let (under_way, not_before) = (self.under_way, self.not_before);
        let seen = self.entries.get_mut(entry)?;
        let has_failed = seen.begun < failed;
        let is_given_up = has_failed && (tries >= MAX_TRIES || now.since(seen.at) >= HELD_FOR);
        let outcome = outcome.or(is_given_up.then_some(Outcome::GivenUp));
        if seen.is_reported {
            return Some(Standing::Reported);
        }
        seen.is_reported = outcome.is_some();
        Some(match outcome {
            Some(outcome) => Standing::Known(outcome),
            None if under_way.is_some_and(|number| seen.begun < number) => Standing::Waits(now + UNDER_WAY),
            None if has_failed && failed == begun => Standing::Failed(not_before.max(now)),
            None => Standing::Waits(not_before.max(now)),
        })
    }
}

#[cfg(test)]
mod tests;
