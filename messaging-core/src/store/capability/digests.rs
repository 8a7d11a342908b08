use async_trait::async_trait;

use crate::{
    domain::{
        conversation::Conversation,
        digest::{Extent, Unmailed},
        message::Message,
    },
    id::{BookingId, DigestId, UserId, WorkerId},
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// Users to whom a digest may be due, and what has been mailed to them.
///
/// Each side of a conversation keeps when a digest is due and up to which position its messages have been mailed:
/// [`DigestMark`](crate::domain::digest::DigestMark). A user with a digest due is *leased* to one worker. The worker
/// records the attempt before it calls the mailer, then marks what was mailed, conversation by conversation, and completes
/// the digest last. A step that names a lease takes effect only while the user has that very lease.
///
/// The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait DigestStore: Send + Sync {
    /// Claims up to `limit` users with a digest due, longest due first. Each user is leased to at most one worker, even
    /// under concurrent claims; users under another lease are skipped.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::store::StoreErrorKind::ReadOnly) when this store admits no workers of this process.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError>;

    /// Lists the sides of these users with messages that are neither read nor mailed: ordered by user, then by the time of
    /// the oldest such message, then by conversation and side.
    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError>;

    /// Records an e-mail that is about to be sent, in place of any earlier attempt. `false`, and nothing was recorded, when
    /// the lease has expired by `now` or is not the user's any more.
    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// What each of these extents is about: the conversation as it is now, and the first of its messages that
    /// [may be told](crate::policy::may_notify) to that side, from behind what has been read or mailed up to the
    /// extent's end, oldest first, at most `messages`. In the order of the extents; one whose conversation is not
    /// there is left out.
    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError>;

    /// Counts extents as mailed, as [`Conversation::mail`] says, where the side is still that user's. Not bound to
    /// a lease: what was mailed was mailed.
    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a lease, the attempt with it, and the count of deferrals; remembers the e-mail, if one was sent, as the newest of
    /// `remember`. `false`, and nothing changed, when the lease is not theirs any more.
    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError>;

    /// Ends leases, and moves every due time of their users before `until` to that. A lease that is not theirs any
    /// more is left, and its user's due times too.
    async fn postpone_digests(&self, holds: &[DigestPostponement]) -> Result<(), StoreError>;
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
    /// At most how many.
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
    /// An attempt without a recorded outcome: that e-mail may have been sent.
    pub attempt: Option<DigestAttempt>,
    /// When e-mails were sent to the user, the newest last.
    pub sent: Vec<Timestamp>,
    /// How many deferrals of the mail server count, as [held](DigestPostponement::is_deferred) since a digest was last
    /// [finished](DigestStore::complete_digest).
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

/// The right of one worker to mail a user until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestLease {
    /// The user.
    pub user_id: UserId,
    /// The worker.
    pub by: WorkerId,
    /// Until when.
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
    /// What it is about.
    pub extents: Vec<Extent>,
    /// When it was recorded last: it may have been sent since then.
    pub at: Timestamp,
}

impl DigestAttempt {
    /// An attempt.
    pub fn new(id: DigestId, extents: Vec<Extent>, at: Timestamp) -> Self {
        Self { id, extents, at }
    }
}

/// What an e-mail shows of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// What it is of.
    pub extent: Extent,
    /// The conversation.
    pub conversation: Conversation,
    /// The booking linked last.
    pub booking_id: Option<BookingId>,
    /// How many messages of the extent are neither read nor mailed and may be told, shown or not; counted up to
    /// [`MAX_COUNT`](Self::MAX_COUNT).
    pub messages: u64,
    /// The first of them.
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
    /// How far a store counts: an e-mail is not to cost more, however much is unread.
    pub const MAX_COUNT: u64 = 1_000;

    /// When the first message was sent; `None` when there is none.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.first.first().map(|message| message.created_at)
    }
}

/// Ends a lease without a digest, until a later time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestPostponement {
    /// The lease that it ends.
    pub lease: DigestLease,
    /// When the user is due again.
    pub until: Timestamp,
    /// Whether the attempt is known to have failed: nothing was sent.
    pub forget_attempt: bool,
    /// Whether the mail server has deferred them, while it accepts e-mails of others: counts as one more of their
    /// [`deferrals`](DigestUser::deferrals).
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
