//! Which deferrals count towards the limit of [`DigestPolicy::deferrals`](crate::DigestPolicy::deferrals).
//!
//! A mail server that defers one recipient and accepts e-mails to others has a reason that concerns the recipient:
//! these deferrals count, and at the limit the user's messages count as mailed. A server that denies relaying defers
//! every recipient, because of its configuration or ours: these deferrals do not count, so that no digest is lost. Such
//! a server usually accepts e-mails to its own domain. So a deferral counts only if the server has accepted an e-mail
//! to the same domain, for any user, since this user's previous deferral.
//!
//! Many users are the only ones of their domain, and some of these addresses are dead. So a deferral also counts if the
//! user has been deferred for more than [`DOMAIN_MATTERS_FOR`], and the server has accepted an e-mail to any domain
//! since the previous deferral. That time is longer than a mail server itself retries (four to five days, RFC 5321,
//! 4.5.4.1). Together with the deferrals that must count afterwards it gives an operator more than ten days to notice
//! that relaying is denied.
//!
//! This state belongs to the process: after a start the first deferral of a user does not count, and the user's seven
//! days restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{id::UserId, time::Timestamp};

/// How long a deferral is remembered: longer than the longest pause between two deferrals.
const REMEMBERED: Duration = Duration::from_hours(12);

/// How long a user must have been deferred before e-mails accepted by other domains make deferrals count.
const DOMAIN_MATTERS_FOR: Duration = Duration::from_hours(7 * 24);

/// The number of remembered users up to which no expired ones are removed.
const FEW: usize = 1_024;

/// The mail server's acceptances and deferrals that this process has seen.
#[derive(Debug, Default)]
pub(super) struct Deferrals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The number of e-mails that the server has accepted.
    accepted: u64,
    /// The domains of the remembered users, and no others, so that their number is bounded too.
    domains: HashMap<Domain, Acceptances>,
    users: HashMap<UserId, Previous>,
    /// The number of users that remained after the last removal of expired ones.
    kept: usize,
}

/// The domain of an address: the part after its last `@`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Domain(String);

impl Domain {
    fn of(email: &str) -> Self {
        let domain = email.rsplit_once('@').map_or(email, |(_, domain)| domain);
        Self(domain.to_lowercase())
    }
}

/// The e-mails to a domain that the server has accepted while users of the domain are remembered.
#[derive(Debug, Default)]
struct Acceptances {
    accepted: u64,
    /// The number of remembered users of the domain.
    users: usize,
}

/// A user's previous deferral.
#[derive(Debug, Clone)]
struct Previous {
    at: Timestamp,
    /// The time of the first of the consecutive deferrals.
    first_at: Timestamp,
    /// Its number among the consecutive deferrals.
    in_a_row: u32,
    domain: Domain,
    /// The number of e-mails to the domain that the server had accepted at that time.
    accepted_by_domain: u64,
    /// The number of e-mails to any domain that the server had accepted at that time.
    accepted: u64,
}

/// Whether a deferral counts towards the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountsTowardsLimit {
    Yes,
    /// It does not: the server may defer all users, or all users of the domain; or there was no deferral.
    No,
}

/// A deferral of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deferral {
    pub(super) counts: CountsTowardsLimit,
    /// Its number among the consecutive deferrals that this process knows of; at least 1.
    pub(super) in_a_row: u32,
}

impl Deferrals {
    /// Notes that the server has accepted an e-mail to a user at that address.
    pub(super) fn accepted(&self, user_id: &UserId, email: &str) {
        let mut seen = self.seen();
        seen.accepted = seen.accepted.saturating_add(1);
        if let Some(acceptances) = seen.domains.get_mut(&Domain::of(email)) {
            acceptances.accepted = acceptances.accepted.saturating_add(1);
        }
        seen.forget(user_id);
    }

    /// Forgets the user's deferrals, which have ended without an acceptance.
    pub(super) fn forget(&self, user_id: &UserId) {
        self.seen().forget(user_id);
    }

    /// Notes that the server has deferred an e-mail to a user at that address.
    pub(super) fn defer(&self, user_id: &UserId, email: &str, now: Timestamp) -> Deferral {
        let (mut seen, domain) = (self.seen(), Domain::of(email));
        seen.make_room(now);
        let accepted_by_domain = seen.domains.get(&domain).map_or(0, |domain| domain.accepted);
        // Another address is another mailbox: its deferrals start at 1.
        let previous = seen
            .users
            .get(user_id)
            .filter(|previous| previous.domain == domain);
        let in_a_row = previous.map_or(0, |previous| previous.in_a_row).saturating_add(1);
        let first_at = previous
            .filter(|previous| now.since(previous.at) < REMEMBERED)
            .map_or(now, |previous| previous.first_at);
        let counts = previous.is_some_and(|previous| {
            previous.accepted_by_domain < accepted_by_domain
                || (previous.accepted < seen.accepted && now.since(first_at) > DOMAIN_MATTERS_FOR)
        });
        let noted = Previous {
            at: now,
            first_at,
            in_a_row,
            domain,
            accepted_by_domain,
            accepted: seen.accepted,
        };
        seen.remember(user_id.clone(), noted);
        let counts = if counts {
            CountsTowardsLimit::Yes
        } else {
            CountsTowardsLimit::No
        };
        Deferral { counts, in_a_row }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn remember(&mut self, user_id: UserId, deferral: Previous) {
        self.domains.entry(deferral.domain.clone()).or_default().users += 1;
        if let Some(previous) = self.users.insert(user_id, deferral) {
            self.leave(&previous.domain);
        }
    }

    fn forget(&mut self, user_id: &UserId) {
        if let Some(previous) = self.users.remove(user_id) {
            self.leave(&previous.domain);
        }
    }

    /// Removes one remembered user from the count of a domain.
    fn leave(&mut self, domain: &Domain) {
        if let Some(acceptances) = self.domains.get_mut(domain) {
            acceptances.users -= 1;
            if acceptances.users == 0 {
                self.domains.remove(domain);
            }
        }
    }

    /// Removes users whose last deferral has expired: they have read their messages, or another process mails them.
    fn make_room(&mut self, now: Timestamp) {
        if self.users.len() < FEW.max(self.kept.saturating_mul(2)) {
            return;
        }
        let old = self
            .users
            .extract_if(|_, previous| now.since(previous.at) >= REMEMBERED);
        for (_, previous) in old.collect::<Vec<_>>() {
            self.leave(&previous.domain);
        }
        self.kept = self.users.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CountsTowardsLimit::{No, Yes};

    const OWN: &str = "ada@own.example";
    const OTHER: &str = "bo@other.example";

    fn user(n: usize) -> UserId {
        UserId::parse(format!("user-{n}")).expect("an id")
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_hours(hours)
    }

    #[test]
    fn a_deferral_counts_after_an_accepted_e_mail_to_the_same_domain() {
        let deferrals = Deferrals::default();
        let defer = || deferrals.defer(&user(1), OWN, at(0)).counts;
        deferrals.accepted(&user(2), OWN);
        assert_eq!(defer(), No, "the first deferral");
        assert_eq!(defer(), No);
        deferrals.accepted(&user(2), OTHER);
        assert_eq!(defer(), No, "the server may accept only its own domain");
        deferrals.accepted(&user(2), "\"a@b\"@Own.Example");
        assert_eq!(defer(), Yes);
        assert_eq!(defer(), No);
    }

    #[test]
    fn after_a_week_an_e_mail_to_another_domain_makes_a_deferral_count() {
        let deferrals = Deferrals::default();
        let defer = |hours| deferrals.defer(&user(1), OWN, at(hours)).counts;
        for hours in (0..=168).step_by(4) {
            assert_eq!(defer(hours), No, "after {hours} hours");
            deferrals.accepted(&user(2), OTHER);
        }
        assert_eq!(defer(172), Yes);
        assert_eq!(
            defer(176),
            No,
            "no e-mail was accepted since the previous deferral"
        );
        deferrals.accepted(&user(2), OTHER);
        assert_eq!(defer(180), Yes);
        deferrals.accepted(&user(2), OTHER);
        assert_eq!(
            defer(180 + 12),
            No,
            "the week restarts after a pause longer than any delay"
        );
    }

    #[test]
    fn a_new_address_restarts_the_deferrals_of_a_user() {
        let deferrals = Deferrals::default();
        deferrals.defer(&user(1), OWN, at(0));
        deferrals.defer(&user(1), OWN, at(0));
        deferrals.accepted(&user(2), OTHER);
        let moved = deferrals.defer(&user(1), OTHER, at(0));
        assert_eq!((moved.counts, moved.in_a_row), (No, 1));
        let domains: Vec<_> = deferrals.seen().domains.keys().cloned().collect();
        assert_eq!(domains, [Domain::of(OTHER)]);
    }

    #[test]
    fn consecutive_deferrals_are_counted_until_the_user_is_forgotten() {
        let deferrals = Deferrals::default();
        let in_a_row = || deferrals.defer(&user(1), OWN, at(0)).in_a_row;
        assert_eq!([in_a_row(), in_a_row()], [1, 2]);
        deferrals.forget(&user(1));
        assert_eq!([in_a_row(), in_a_row()], [1, 2]);
        deferrals.accepted(&user(1), OWN);
        assert_eq!(in_a_row(), 1);
    }

    #[test]
    fn users_with_expired_deferrals_are_removed_with_their_domains() {
        let deferrals = Deferrals::default();
        let defer = |n, hours| deferrals.defer(&user(n), &format!("x@{n}.example"), at(hours));
        let remembered = || {
            let seen = deferrals.seen();
            assert_eq!(seen.domains.len(), seen.users.len());
            seen.users.len()
        };
        for n in 0..FEW {
            defer(n, 0);
        }
        for n in FEW..2 * FEW {
            defer(n, 12);
        }
        assert_eq!(remembered(), FEW);
        assert_eq!(defer(FEW, 12).in_a_row, 2);
        for n in 2 * FEW..5 * FEW {
            defer(n, 12);
        }
        assert_eq!(remembered(), 4 * FEW);
        for n in 0..5 * FEW {
            deferrals.accepted(&user(n), &format!("x@{n}.example"));
        }
        assert_eq!(remembered(), 0);
    }
}
