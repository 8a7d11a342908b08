//! Which deferrals count.
//!
//! A mail server that defers one recipient and accepts e-mails of others says something of that recipient: these deferrals
//! count, and in the end the user's messages count as mailed. A server that defers everybody (*relay access denied*, said
//! of each recipient) is at fault itself, or its configuration is: these deferrals do not count, so that nothing is lost.
//! What tells the two apart is whether the server has accepted an e-mail, of any user, since this user was last deferred.
//! This process remembers that for itself: after its start the first deferral of a user does not count.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{id::UserId, time::Timestamp};

/// For how long a deferral is remembered: longer than the longest pause between two.
const REMEMBERED: Duration = Duration::from_hours(12);

/// Up to how many users are remembered without a look at which of them can be forgotten.
const FEW: usize = 1_024;

/// What this process has seen of the mail server's acceptances and deferrals.
#[derive(Debug, Default)]
pub(super) struct Deferrals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// How many e-mails the server has accepted.
    accepted: u64,
    users: HashMap<UserId, Last>,
    /// How many users were remembered after the last look at which can be forgotten.
    kept: usize,
}

/// A user's last deferral.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Timestamp,
    /// How many e-mails the server had accepted by then.
    accepted: u64,
    /// How many deferrals in a row this one was, as far as this process knows.
    in_a_row: u32,
}

/// Whether a deferral counts towards the end of the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// The server has accepted an e-mail since the last one.
    Yes,
    /// The server may defer everybody.
    No,
}

/// A deferral that has just been noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) counts: Counts,
    /// How many deferrals in a row this one is, as far as this process knows; at least 1.
    pub(super) in_a_row: u32,
}

impl Deferrals {
    /// The server has accepted an e-mail of a user.
    pub(super) fn accepted(&self, user_id: &UserId) {
        let mut seen = self.seen();
        seen.accepted = seen.accepted.saturating_add(1);
        seen.users.remove(user_id);
    }

    /// The user's deferrals are over without an acceptance.
    pub(super) fn forget(&self, user_id: &UserId) {
        self.seen().users.remove(user_id);
    }

    /// The server has deferred a user.
    pub(super) fn note(&self, user_id: &UserId, now: Timestamp) -> Noted {
        let mut seen = self.seen();
        let accepted = seen.accepted;
        let last = seen.users.get(user_id).copied();
        let in_a_row = last.map_or(0, |last| last.in_a_row).saturating_add(1);
        let counts = match last {
            Some(last) if last.accepted < accepted => Counts::Yes,
            _ => Counts::No,
        };
        seen.make_room(now);
        let noted = Last {
            at: now,
            accepted,
            in_a_row,
        };
        seen.users.insert(user_id.clone(), noted);
        Noted { counts, in_a_row }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Forgets users who were not tried for long: they have read their messages, or another process has them.
    fn make_room(&mut self, now: Timestamp) {
        if self.users.len() < FEW.max(self.kept.saturating_mul(2)) {
            return;
        }
        self.users.retain(|_, last| now.since(last.at) < REMEMBERED);
        self.kept = self.users.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: usize) -> UserId {
        UserId::parse(format!("user-{n}")).expect("an id")
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_hours(hours)
    }

    #[test]
    fn a_deferral_counts_where_an_e_mail_was_accepted_since_the_last_one() {
        let deferrals = Deferrals::default();
        let defer = || deferrals.note(&user(1), at(0)).counts;
        deferrals.accepted(&user(2));
        assert_eq!(defer(), Counts::No, "there was no last one");
        assert_eq!(defer(), Counts::No);
        deferrals.accepted(&user(2));
        assert_eq!(defer(), Counts::Yes);
        assert_eq!(defer(), Counts::No);
    }

    #[test]
    fn deferrals_in_a_row_are_counted_until_the_user_is_forgotten() {
        let deferrals = Deferrals::default();
        let in_a_row = || deferrals.note(&user(1), at(0)).in_a_row;
        assert_eq!([in_a_row(), in_a_row()], [1, 2]);
        deferrals.forget(&user(1));
        assert_eq!([in_a_row(), in_a_row()], [1, 2]);
        deferrals.accepted(&user(1));
        assert_eq!(in_a_row(), 1);
    }

    #[test]
    fn users_who_were_not_tried_for_long_are_forgotten_and_no_others() {
        let deferrals = Deferrals::default();
        for n in 0..FEW {
            deferrals.note(&user(n), at(0));
        }
        for n in FEW..2 * FEW {
            deferrals.note(&user(n), at(12));
        }
        assert_eq!(deferrals.seen().users.len(), FEW);
        assert_eq!(deferrals.note(&user(FEW), at(12)).in_a_row, 2);
        for n in 2 * FEW..5 * FEW {
            deferrals.note(&user(n), at(12));
        }
        assert_eq!(deferrals.seen().users.len(), 4 * FEW);
    }
}
