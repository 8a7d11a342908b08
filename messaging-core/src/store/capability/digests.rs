use async_trait::async_trait;

use crate::{
    domain::{conversation::Conversation, digest::Extent, message::Message, unmailed::Unmailed},
    id::{BookingId, DigestId, UserId, WorkerId},
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// Users with a digest due, and the progress of their digests.
///
/// Each side of a conversation has a due time and the position up to which its messages have been mailed:
/// [`DigestMark`](crate::domain::digest::DigestMark). A user with a digest due is *leased* to one worker. The worker
/// records the attempt before it calls the mailer, then marks the messages as mailed, conversation by conversation, and
/// completes the digest last. A step that names a lease takes effect only while the user has exactly that lease.
///
/// The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait DigestStore: Send + Sync {
    /// Claims up to `limit` users with a digest due, longest due first. Each user is leased to at most one worker, even
    /// under concurrent claims; users under another lease are skipped. Empty only if all due users are under another
    /// lease: a worker then waits for its next turn.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::store::StoreErrorKind::ReadOnly) when this store admits no workers of this process.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError>;

    /// Lists the sides of these users with messages that are neither read nor mailed: ordered by user, then by the time of
    /// the oldest such message, then by conversation and side.
    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError>;

    /// Records an e-mail before it is sent, and replaces any earlier attempt. Returns `false` and records nothing if
    /// the lease has expired at `now` or is no longer the user's lease.
    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Loads the excerpt of each extent: the current conversation, and up to `messages` of its messages, oldest first.
    /// The messages of an excerpt begin after both the side's read position and its mailed position, and end with the extent;
    /// those that [must not be mailed](crate::policy::may_notify) to the side are left out. The excerpts are in the order of
    /// the extents; an extent of an unknown conversation has none.
    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError>;

    /// Marks extents as mailed, as [`Conversation::mail`] does, if the user is still on the side. Needs no lease: an
    /// e-mail that was sent stays sent.
    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a lease with its attempt, and resets the count of deferrals. If an e-mail was sent, its time is stored; of all
    /// stored times the newest `remember` are kept. Returns `false` and changes nothing if the lease is no longer the user's lease.
    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError>;

    /// Ends leases without a digest, and postpones every earlier due time of their users to `until`. A lease that is no
    /// longer the user's lease is skipped, with the user's due times.
    async fn postpone_digests(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError>;
}

/// A worker's request for users with a digest due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestClaim {
    /// The worker.
    pub by: WorkerId,
    /// The time by which digests must be due, and other leases expired.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// The maximum number of users.
    pub limit: usize,
}

impl DigestClaim {
    /// A claim.
    pub fn new(by: WorkerId, now: Timestamp, lease_until: Timestamp, limit: usize) -> Self {
        Self {
            by,
            now,
            lease_until,
            limit,
        }
    }
}

/// A user with a digest due, under a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestUser {
    /// The user, the worker and the end of the lease.
    pub lease: DigestLease,
    /// The attempt without a recorded outcome, whose e-mail may have been sent; `None` if there is none.
    pub attempt: Option<DigestAttempt>,
    /// The times of the e-mails sent to the user, the newest last.
    pub sent: Vec<Timestamp>,
    /// The number of [counted deferrals](DigestPostponement::is_deferred) since the last
    /// [completed](DigestStore::complete_digest) digest.
    pub deferrals: u32,
}

impl DigestUser {
    /// A user to whom nothing has been mailed or attempted.
    pub fn new(lease: DigestLease) -> Self {
        Self {
            lease,
            attempt: None,
            sent: Vec::new(),
            deferrals: 0,
        }
    }

    with! {
        with_attempt attempt: Option<DigestAttempt>,
        with_sent sent: Vec<Timestamp>,
        with_deferrals deferrals: u32,
    }
}

/// The lease of a user: the right of one worker to mail the user until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestLease {
    /// The user.
    pub user_id: UserId,
    /// The worker.
    pub by: WorkerId,
    /// The end of the lease.
    pub until: Timestamp,
}

impl DigestLease {
    /// A lease.
    pub fn new(user_id: UserId, by: WorkerId, until: Timestamp) -> Self {
        Self { user_id, by, until }
    }

    with! {
        with_user_id user_id: UserId,
        with_by by: WorkerId,
        with_until until: Timestamp,
    }
}

/// An e-mail that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestAttempt {
    /// Its id.
    pub id: DigestId,
    /// The conversations and messages of the e-mail.
    pub extents: Vec<Extent>,
    /// When the attempt was last recorded: the e-mail may have been sent since then.
    pub at: Timestamp,
}

impl DigestAttempt {
    /// An attempt.
    pub fn new(id: DigestId, extents: Vec<Extent>, at: Timestamp) -> Self {
        Self { id, extents, at }
    }
}

/// The part of an e-mail about one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The side of the conversation, and the position of the last message included.
    pub extent: Extent,
    /// The conversation.
    pub conversation: Conversation,
    /// The booking linked last.
    pub booking_id: Option<BookingId>,
    /// The number of messages in the extent that are neither read nor mailed and may be mailed, including those not in
    /// `first`; counted up to [`MAX_COUNT`](Self::MAX_COUNT).
    pub messages: u64,
    /// The first of these messages.
    pub first: Vec<Message>,
}

impl Excerpt {
    /// An excerpt without messages, of a conversation without bookings.
    pub fn new(extent: Extent, conversation: Conversation) -> Self {
        Self {
            extent,
            conversation,
            booking_id: None,
            messages: 0,
            first: Vec::new(),
        }
    }

    with! {
        with_booking_id booking_id: Option<BookingId>,
        with_messages messages: u64,
        with_first first: Vec<Message>,
    }
}

impl Excerpt {
    /// The number up to which a store counts, so that the cost of an e-mail is bounded.
    pub const MAX_COUNT: u64 = 1_000;

    /// The time of the first message; `None` without messages.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.first.first().map(|message| message.created_at)
    }
}

/// A request to end a lease without a digest, until a later time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestPostponement {
    /// The lease to end.
    pub lease: DigestLease,
    /// When the user is due again.
    pub until: Timestamp,
    /// Whether to delete the attempt: it is known to have failed, and no e-mail was sent.
    pub forget_attempt: bool,
    /// Whether to count a [deferral](DigestUser::deferrals): the mail server deferred this user and accepts e-mails to
    /// others.
    pub is_deferred: bool,
}

impl DigestPostponement {
    /// A postponement that keeps the attempt, and is no deferral.
    pub fn new(lease: DigestLease, until: Timestamp) -> Self {
        Self {
            lease,
            until,
            forget_attempt: false,
            is_deferred: false,
        }
    }

    with! {
        with_forget_attempt forget_attempt: bool,
        with_is_deferred is_deferred: bool,
    }
}
