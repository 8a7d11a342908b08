//! Calls that end all connections of a user, and the entries that each call serves.
//!
//! Such a call serves many entries at once, and each user gets at most one per [`SPACING`]. A call serves every entry
//! that this process had seen before the call began, since a seen entry has been committed. Timestamps are not
//! compared: an entry has the time of another process, from before its commit.
//!
//! This state belongs to one process: another process that publishes entries of the same user makes its own calls.

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

/// The time between the starts of two calls for a user.
const SPACING: Duration = Duration::from_secs(10);

/// For how long an entry is held while calls for its user fail.
const HELD_FOR: Duration = Duration::from_mins(1);

/// A failed call holds a lane no longer after this many tries of the lane: about a minute, with the pauses between
/// tries. Without this bound, each process that claims the lane would hold it for another minute.
pub(super) const MAX_TRIES: u32 = 8;

/// The pause before an entry is checked again that a running call will serve.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// How long an entry is remembered. An older one has been published by another process.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// An outbox entry that ends access: the conversation, and the entry's number.
pub(super) type EntryKey = (ConversationId, u64);

/// Users whose access has ended recently, with their calls.
#[derive(Debug, Default)]
pub(super) struct Revocations(Mutex<HashMap<UserId, Calls>>);

/// The calls for one user, numbered from 1 in the order in which they begin.
#[derive(Debug)]
struct Calls {
    /// The number of calls that have begun.
    begun: u64,
    /// The last call, while it has no answer.
    under_way: Option<u64>,
    /// No call begins before this time.
    not_before: Timestamp,
    /// The last call that need not be repeated, with its outcome.
    over: (u64, Outcome),
    /// The last call that failed with an error that may pass.
    failed: u64,
    /// Whether entries given up since the last successful call have been logged.
    is_giving_up_logged: bool,
    entries: HashMap<EntryKey, Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Timestamp,
    last: Timestamp,
    /// The number of calls that had begun when the entry was first seen: a later call serves it.
    begun: u64,
    /// Whether the outcome has been logged and counted.
    is_reported: bool,
}

/// The outcome of the revocation that an entry requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The user's connections have been ended.
    Ended,
    /// The transport refuses to end the connections: they last until the client disconnects.
    Refused,
    /// Calls have failed for too long: the connections last until the client disconnects.
    GivenUp,
}

/// The state of an entry's revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The outcome is known, and this caller reports it.
    Known(Outcome),
    /// The outcome was reported before, and the lane is published once more.
    Reported,
    /// The last call for the entry failed; the next try is at this time.
    Failed(Timestamp),
    /// A later call serves the entry; it is checked again at this time.
    Waits(Timestamp),
}

impl Revocations {
    /// Begins a call for a user, unless these entries need no call, or no call may be made yet. Returns its number.
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

    /// Notes the result of a call.
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

    /// The state of an entry that [`begin`](Self::begin) has seen, and whose lane has failed `tries` times in a row.
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
        // The entry was forgotten meanwhile, and counts as new.
        standing.unwrap_or(Standing::Waits(now))
    }

    /// Whether an entry of the user that is given up is the first since the last successful call.
    pub(super) fn is_first_given_up(&self, user_id: &UserId) -> bool {
        let mut users = self.users();
        let calls = users.get_mut(user_id);
        calls.is_none_or(|calls| !mem::replace(&mut calls.is_giving_up_logged, true))
    }

    /// Forgets an entry that has been published.
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

    /// Whether a call that began after the entry was first seen need not be repeated.
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
        // A later call, which may begin before a slow one ends, has the newer result.
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
