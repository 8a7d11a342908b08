//! Digests: from unread messages that are due to one e-mail per user.
//!
//! ```text
//! claim users ─> list unmailed, contacts, presence ─> decide ─┬─> hold: check again later
//!                                           (pure, per user) └─> record ─> final check ─> compose ─> mail ─> complete
//! ```
//!
//! A crash between any two steps loses no message and repeats no recorded step. Before *record*, nothing has left the
//! process. After it, the next claim of the user finds the attempt and repeats it with the same id and at most the same
//! messages. *Complete* advances watermarks, and a repetition does not advance them again. A result that could not be
//! [recorded](record) is retried until the lease ends.
//!
//! No user is mailed without a lease that outlasts the mailer's time-out. The final check runs under that lease, with
//! no other call between it and the mailer's: messages that have been read by then, or that
//! [must not be shown](crate::policy::may_notify), are left out and count as mailed.
//!
//! If the mail server fails as a whole, mailing pauses, and then one user at a time is tried until the server accepts
//! an e-mail. A recipient that the server defers waits alone, longer each time; whether a deferral [counts](deferrals)
//! depends on the e-mails accepted for other users of the domain.

mod compose;
mod deferrals;
mod deliver;
mod options;
mod record;
mod run;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};

pub use options::{DigestOptions, InvalidDigestOptions};

use crate::{
    backoff,
    clock::{Clock, IdSource},
    domain::{
        digest::Extent,
        digest_policy::{DigestPolicy, Verdict},
        unmailed::Unmailed,
    },
    host::{Host, directory::Contact},
    id::{UserId, WorkerId},
    store::{
        Capability, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Store, StoreError,
        timed,
    },
    time::Timestamp,
    transport::mailer::Mailer,
};
use deferrals::Deferrals;
use deliver::Delivery;
use record::Unrecorded;

/// The dependencies of a [`Digester`].
pub(crate) struct DigestParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) host: Arc<Host>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) policy: DigestPolicy,
    pub(crate) options: DigestOptions,
}

/// Sends digests to users who are away. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Digester {
    id: WorkerId,
    parts: DigestParts,
    server: Mutex<MailServer>,
    deferrals: Deferrals,
    /// Results that the store has not recorded yet.
    unrecorded: Unrecorded,
    /// Whether the process is stopping: then no further e-mail is begun.
    stopping: AtomicBool,
}

/// The recent failures of the mail server.
#[derive(Debug, Default)]
struct MailServer {
    /// The number of consecutive failures without an accepted e-mail.
    failures: u32,
    /// No e-mail is sent before this time.
    until: Option<Timestamp>,
}

impl Digester {
    pub(crate) fn new(parts: DigestParts) -> Self {
        Self {
            id: WorkerId::new(parts.ids.new_id(parts.clock.now())),
            parts,
            server: Mutex::default(),
            deferrals: Deferrals::default(),
            unrecorded: Unrecorded::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Mails or postpones all users with a digest due now. Returns their number; 0 if no digest is due, or if mailing
    /// pauses after failures of the mail server.
    ///
    /// # Errors
    /// A [`StoreError`] if due users could not be claimed or their messages not listed. Users claimed by then are due
    /// again when their lease expires.
    pub async fn step(&self) -> Result<usize, StoreError> {
        // The worker retries records in a loop of their own; here they come first.
        self.record_due().await;
        self.mail_due().await
    }

    /// Mails or postpones users until no other user is due. Returns their number.
    async fn mail_due(&self) -> Result<usize, StoreError> {
        let mut seen = BTreeSet::new();
        loop {
            let limit = self.limit();
            if limit == 0 || self.stopping.load(Ordering::Acquire) {
                return Ok(seen.len());
            }
            let users = self.step_once(limit).await?;
            let before = seen.len();
            seen.extend(users);
            // Every claimed user had been claimed before: all due users are mailed or postponed.
            if seen.len() == before {
                return Ok(before);
            }
        }
    }

    /// Claims some users, and mails or postpones them. Returns them; none if no digest is due.
    async fn step_once(&self, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let now = self.now();
        let claim = DigestClaim {
            by: self.id,
            now,
            lease_until: now + self.parts.options.lease,
            limit,
        };
        let claimed = self.store()?.claim_digests(&claim);
        let due = self.in_time("claiming digest users", claimed).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let users: Vec<_> = due.iter().map(|due| due.lease.user_id.clone()).collect();
        let (postponements, deliveries) = self.sort(due, &users).await?;
        self.hold(&postponements).await?;
        let at_once = self.parts.options.concurrency;
        stream::iter(deliveries)
            .for_each_concurrent(at_once, |delivery| self.deliver(delivery))
            .await;
        Ok(users)
    }

    /// Decides for each user whether to mail or to postpone them.
    async fn sort(
        &self,
        due: Vec<DigestUser>,
        users: &[UserId],
    ) -> Result<(Vec<DigestPostponement>, Vec<Delivery>), StoreError> {
        let listed = self.store()?.list_unmailed(users);
        let mut unmailed: BTreeMap<UserId, Vec<Unmailed>> = BTreeMap::new();
        for one in self.in_time("listing unmailed messages", listed).await? {
            unmailed.entry(one.user().clone()).or_default().push(one);
        }
        let now = self.now();
        let contacts = self.parts.host.contacts(users).await;
        let online = self.parts.host.online(users).await;
        let (mut postponements, mut deliveries) = (Vec::new(), Vec::new());
        for user in due {
            let unmailed = unmailed.remove(&user.lease.user_id).unwrap_or_default();
            let Some(contacts) = &contacts else {
                postponements.push(hold(user.lease, now + self.parts.policy.look_again));
                continue;
            };
            let contact = contacts.get(&user.lease.user_id).cloned().unwrap_or_default();
            let is_online = online.get(&user.lease.user_id).copied();
            match self.sort_one(now, user, &unmailed, &contact, is_online) {
                Sorted::Hold(hold) => postponements.push(hold),
                Sorted::Deliver(delivery) => deliveries.push(delivery),
            }
        }
        Ok((postponements, deliveries))
    }

    fn sort_one(
        &self,
        now: Timestamp,
        DigestUser {
            lease,
            attempt,
            sent,
            deferrals,
        }: DigestUser,
        unmailed: &[Unmailed],
        contact: &Contact,
        is_online: Option<bool>,
    ) -> Sorted {
        let extents: Vec<_> = unmailed.iter().map(Unmailed::extent).collect();
        let delivery = |extents| Delivery {
            lease: lease.clone(),
            contact: contact.clone(),
            attempt: attempt.clone(),
            extents,
            deferrals,
        };
        if contact.mailable().is_none() {
            return Sorted::Deliver(delivery(extents));
        }
        let left: Vec<_> = match &attempt {
            None => unmailed.iter().collect(),
            Some(attempt) => unmailed
                .iter()
                .filter(|one| is_within(one, &attempt.extents))
                .collect(),
        };
        let Some(oldest) = left.iter().map(|one| one.oldest).min() else {
            // All messages of the attempt were read or mailed; the user's other messages stay due.
            return match attempt {
                Some(_) => Sorted::Deliver(delivery(Vec::new())),
                None => Sorted::Hold(hold(lease, now + self.parts.policy.look_again)),
            };
        };
        match self.parts.policy.decide(now, oldest, &sent, is_online) {
            Verdict::Hold(until) => Sorted::Hold(hold(lease, until)),
            Verdict::Mail => {
                let repeated = attempt.as_ref().map(|attempt| attempt.extents.clone());
                Sorted::Deliver(delivery(repeated.unwrap_or(extents)))
            }
        }
    }

    async fn hold(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError> {
        if postponements.is_empty() {
            return Ok(());
        }
        let held = self.store()?.postpone_digests(postponements);
        self.in_time("postponing digests", held).await
    }

    /// The number of users that may be claimed now: 1 after a failure of the mail server.
    fn limit(&self) -> usize {
        let (server, now) = (self.server(), self.now());
        match server.until {
            Some(until) if now < until => 0,
            Some(_) => 1,
            None => self.parts.options.users,
        }
    }

    /// Whether e-mails may be begun.
    fn is_open(&self, now: Timestamp) -> bool {
        let is_resting = self.server().until.is_some_and(|until| now < until);
        !is_resting && !self.stopping.load(Ordering::Acquire)
    }

    /// Pauses mailing after a failure of the mail server. Returns when the pause ends.
    fn rest(&self, now: Timestamp) -> Timestamp {
        let chance = self.parts.ids.chance();
        let mut server = self.server();
        server.failures = server.failures.saturating_add(1);
        // At least a second, so that the user is not claimed again at once.
        let until = now + backoff::delay(server.failures, chance).max(Duration::from_secs(1));
        server.until = Some(server.until.map_or(until, |earlier| earlier.max(until)));
        until
    }

    fn server(&self) -> std::sync::MutexGuard<'_, MailServer> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The store's digest capability, which the builder has checked.
    fn store(&self) -> Result<&dyn DigestStore, StoreError> {
        Capability::Digests.require(self.parts.store.digests(), "sending digests")
    }

    /// Calls the store, limited to `call_timeout`.
    async fn in_time<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        timed(&*self.parts.clock, self.parts.options.call_timeout, doing, call).await
    }
}

enum Sorted {
    Hold(DigestPostponement),
    Deliver(Delivery),
}

fn hold(lease: DigestLease, until: Timestamp) -> DigestPostponement {
    DigestPostponement {
        lease,
        until,
        forget_attempt: false,
        is_deferred: false,
    }
}

/// Whether a message of `unmailed` is within these extents.
fn is_within(unmailed: &Unmailed, extents: &[Extent]) -> bool {
    let own = unmailed.extent();
    let mut of_side = extents
        .iter()
        .filter(|extent| (extent.conversation_id, extent.side) == (own.conversation_id, own.side));
    of_side.any(|extent| unmailed.conversation.unmailed_within(extent) > 0)
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digester")
            .field("id", &self.id)
            .field("policy", &self.parts.policy)
            .field("options", &self.parts.options)
            .finish_non_exhaustive()
    }
}
