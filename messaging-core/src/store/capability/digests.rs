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
};

/// Who is to be mailed, by whom, and what has been.
///
/// Each side of a conversation keeps when it is due and up to where it has been mailed:
/// [`DigestMark`](crate::domain::digest::DigestMark). A user of whom something is due is *leased* to one worker,
/// who records the attempt before it calls the mailer, and what came of it afterwards: conversations first, the
/// user last. What a worker says under a lease counts only while the user has that very lease.
///
/// The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait DigestStore: Send + Sync {
    /// Leases users of whom a side is due to a worker, those who have been due longest first: each to one claimer
    /// only, whoever claims at the same time. Somebody under another lease is passed over, whoever looks.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::store::StoreErrorKind::ReadOnly) when this store admits no workers of this process.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError>;

    /// Every side of these users that has messages which are neither read nor mailed, by user, and for each the
    /// longest waiting first; then by conversation and side.
    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError>;

    /// Records what is about to be mailed, in place of any earlier attempt; `false` when the lease is over by
    /// `now`, or not theirs any more, and nothing was recorded.
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

/// Which users a worker wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestClaim {
    /// The worker.
    pub by: WorkerId,
    /// By when they must be due, and other leases over.
    pub now: Timestamp,
    /// The end of the new leases.
    pub lease_until: Timestamp,
    /// At most how many.
    pub limit: usize,
}

/// Somebody of whom something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestUser {
    /// Who, by whom, until when.
    pub lease: DigestLease,
    /// What somebody was about to mail them, who has not said what came of it.
    pub attempt: Option<DigestAttempt>,
    /// When they were mailed, the newest last.
    pub sent: Vec<Timestamp>,
    /// How many deferrals of the mail server count, as [held](DigestPostponement::is_deferred) since a digest was last
    /// [finished](DigestStore::complete_digest).
    pub deferrals: u32,
}

/// Until when one worker alone may mail somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestLease {
    /// The user.
    pub user_id: UserId,
    /// The worker.
    pub by: WorkerId,
    /// Until when.
    pub until: Timestamp,
}

/// An e-mail that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestAttempt {
    /// Its id.
    pub id: DigestId,
    /// What it is about.
    pub extents: Vec<Extent>,
    /// When it was recorded last: it may have been sent since then.
    pub at: Timestamp,
}

/// What an e-mail shows of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// What it is of.
    pub extent: Extent,
    /// The conversation.
    pub conversation: Conversation,
    /// The booking linked last.
    pub booking_id: Option<BookingId>,
    /// How many messages of the extent are neither read nor mailed and may be told, shown or not; counted up to
    /// [`MOST`](Self::MOST).
    pub messages: u64,
    /// The first of them.
    pub first: Vec<Message>,
}

impl Excerpt {
    /// How far a store counts: an e-mail is not to cost more, however much is unread.
    pub const MOST: u64 = 1_000;

    /// When the first message was sent; `None` when there is none.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.first.first().map(|message| message.created_at)
    }
}

/// Somebody who is not mailed for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestPostponement {
    /// Who.
    pub lease: DigestLease,
    /// When to look at them again.
    pub until: Timestamp,
    /// Whether the attempt is known to have come to nothing.
    pub forget_attempt: bool,
    /// Whether the mail server has deferred them, while it accepts e-mails of others: counts as one more of their
    /// [`deferrals`](DigestUser::deferrals).
    pub is_deferred: bool,
}
