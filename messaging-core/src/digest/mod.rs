//! From what is due to one e-mail a user.
//!
//! ```text
//! claim ─> what is unmailed, contacts, presence ─> decide ─┬─> hold: look again then
//!   (some users)                          (pure, per user) └─> record ─> look again ─> compose ─> mail ─> settle
//! ```
//!
//! A crash between any two of these repeats nothing that was recorded and loses nothing that was not. Before the
//! record nothing has left the process; after it the next claim of the user finds the attempt and repeats it,
//! with its id and no more than it was to hold; settling moves watermarks, that a repetition does not move again.
//! What was accepted and could not be [recorded](record) is recorded later, until the lease ends.
//!
//! No user is mailed without a lease that outlasts the mailer's time-out, and what is about to be sent is looked at
//! once more under that lease, with no other call between the look and the mailer's: what has been read by then, or
//! [may not be told](crate::policy::may_notify), is not in it and counts as mailed.
//!
//! A failure of the mail server as a whole lets it rest, and one user is tried at a time until it takes something. A
//! recipient whom it defers waits alone, longer each time; whether that [counts](deferrals) depends on what it takes of
//! other users of the domain.

mod compose;
mod deferrals;
mod deliver;
mod options;
mod record;
#[cfg(feature = "worker")]
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
    clock::{self, Clock, IdSource},
    domain::digest::{DigestPolicy, Extent, Unmailed, Verdict},
    host::{Host, directory::Contact},
    id::{UserId, WorkerId},
    store::{
        Capability, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Store, StoreError,
        StoreErrorKind,
    },
    time::Timestamp,
    transport::mailer::Mailer,
};
use deferrals::Deferrals;
use deliver::Delivery;
use record::Unrecorded;

/// What a digester is put together from.
pub(crate) struct DigestParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) host: Arc<Host>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) policy: DigestPolicy,
    pub(crate) options: DigestOptions,
}

/// Mails people who are away. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Digester {
    id: WorkerId,
    parts: DigestParts,
    server: Mutex<MailServer>,
    deferrals: Deferrals,
    /// What the store has not recorded yet.
    unrecorded: Unrecorded,
    /// No e-mail is begun any more.
    stopping: AtomicBool,
}

/// What is known of the mail server.
#[derive(Debug, Default)]
struct MailServer {
    /// How often in a row the server accepted no e-mail at all.
    failures: u32,
    /// The time before which it is not tried again.
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

    /// Mails all users with a digest due now, or holds their digests back. Returns the number of these users; 0 when no
    /// digest was due, or the mail server is left alone for a while.
    ///
    /// # Errors
    /// When the store could not say which users are due, or list their messages. The users who were claimed by then are due
    /// again when the lease is over.
    pub async fn step(&self) -> Result<usize, StoreError> {
        // The worker has a loop of its own for records; here they come first.
        self.record_due().await;
        self.mail_due().await
    }

    /// Mails users until no other is due, or holds them back. Returns their number.
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
            // No new user: all that are due have been mailed or held as far as can be now.
            if seen.len() == before {
                return Ok(before);
            }
        }
    }

    /// Claims some users, and mails them or holds them back. Returns them; none where no digest is due.
    async fn step_once(&self, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let now = self.now();
        let claim = DigestClaim {
            by: self.id,
            now,
            lease_until: now + self.parts.options.lease,
            limit,
        };
        let claimed = self.store()?.claim_digests(&claim);
        let due = self.in_time("claiming users to mail", claimed).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let users: Vec<_> = due.iter().map(|due| due.lease.user_id.clone()).collect();
        let (holds, deliveries) = self.sort(due, &users).await?;
        self.hold(&holds).await?;
        let at_once = self.parts.options.concurrency;
        stream::iter(deliveries)
            .for_each_concurrent(at_once, |delivery| self.deliver(delivery))
            .await;
        Ok(users)
    }

    /// Says of each user whether they are held or mailed.
    async fn sort(
        &self,
        due: Vec<DigestUser>,
        users: &[UserId],
    ) -> Result<(Vec<DigestPostponement>, Vec<Delivery>), StoreError> {
        let listed = self.store()?.list_unmailed(users);
        let mut unmailed: BTreeMap<UserId, Vec<Unmailed>> = BTreeMap::new();
        for one in self.in_time("listing what is not mailed", listed).await? {
            unmailed.entry(one.user().clone()).or_default().push(one);
        }
        let now = self.now();
        let contacts = self.parts.host.contacts(users).await;
        let online = self.parts.host.online(users).await;
        let (mut holds, mut deliveries) = (Vec::new(), Vec::new());
        for user in due {
            let unmailed = unmailed.remove(&user.lease.user_id).unwrap_or_default();
            let Some(contacts) = &contacts else {
                holds.push(hold(user.lease, now + self.parts.policy.look_again));
                continue;
            };
            let contact = contacts.get(&user.lease.user_id).cloned().unwrap_or_default();
            let is_online = online.get(&user.lease.user_id).copied();
            match self.sort_one(now, user, &unmailed, &contact, is_online) {
                Sorted::Hold(hold) => holds.push(hold),
                Sorted::Deliver(delivery) => deliveries.push(delivery),
            }
        }
        Ok((holds, deliveries))
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
            // All of it was read or mailed. What is due otherwise is due still.
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

    async fn hold(&self, holds: &[DigestPostponement]) -> Result<(), StoreError> {
        if holds.is_empty() {
            return Ok(());
        }
        let held = self.store()?.postpone_digests(holds);
        self.in_time("postponing e-mails", held).await
    }

    /// How many users may be claimed now: one, to try with, where the mail server took nothing lately.
    fn limit(&self) -> usize {
        let (server, now) = (self.server(), self.now());
        match server.until {
            Some(until) if now < until => 0,
            Some(_) => 1,
            None => self.parts.options.users,
        }
    }

    /// Whether e-mails are to be begun.
    fn is_open(&self, now: Timestamp) -> bool {
        let is_resting = self.server().until.is_some_and(|until| now < until);
        !is_resting && !self.stopping.load(Ordering::Acquire)
    }

    /// The mail server took nothing: it is left alone until the answer.
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

    /// The store's part for digests, which the builder has checked.
    fn store(&self) -> Result<&dyn DigestStore, StoreError> {
        Capability::Digests.require(self.parts.store.digests(), "mailing digests")
    }

    /// A call of the store, for as long as a call may take.
    async fn in_time<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match clock::timeout(&*self.parts.clock, self.parts.options.call_timeout, call).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(StoreError::new(StoreErrorKind::OutcomeUnknown, doing).caused_by(elapsed)),
        }
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

/// Whether something of it is within these extents.
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
