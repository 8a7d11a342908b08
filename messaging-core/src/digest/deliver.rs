//! One user's e-mail: recorded, looked at once more, composed, sent, settled.

use super::{Digester, MailServer, compose};
use crate::{
    clock,
    domain::digest::Extent,
    id::{DigestId, UserId},
    port::{
        directory::Contact,
        mailer::{Digest, MailError, MailErrorKind},
        store::{DigestAttempt, DigestHold, DigestLease, Excerpt, StoreError, StoreErrorKind},
    },
    profiles::profiles_or_blank,
    telemetry::{self, Mailed},
    time::Timestamp,
};

/// How often what was sent is recorded, where the store did not take it the first time.
const MAX_REPEATS: usize = 3;

/// Somebody who is to be mailed, or whose messages count as mailed because they do not want that.
pub(super) struct Delivery {
    pub(super) lease: DigestLease,
    pub(super) contact: Contact,
    /// What may have been sent before.
    pub(super) attempt: Option<DigestAttempt>,
    /// What it is about; nothing when all of an attempt was read or mailed since.
    pub(super) extents: Vec<Extent>,
}

impl Digester {
    pub(super) async fn deliver(&self, delivery: Delivery) {
        let user_id = delivery.lease.user_id.clone();
        if let Err(error) = self.try_deliver(delivery).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(%user_id, error, "an e-mail was not seen to: it is when its lease is over");
        }
    }

    async fn try_deliver(&self, delivery: Delivery) -> Result<(), StoreError> {
        let Delivery {
            lease,
            contact,
            attempt,
            extents,
        } = delivery;
        // It may have been sent: then it counts from when it was begun.
        let maybe_sent = attempt.as_ref().map(|attempt| attempt.at);
        let Some(email) = contact.mailable().map(str::to_owned) else {
            return self.settle(&lease, &extents, maybe_sent, self.now()).await;
        };
        if extents.is_empty() {
            return self.settle(&lease, &[], maybe_sent, self.now()).await;
        }
        let now = self.now();
        if !self.is_open(now) || now + self.parts.options.mail_timeout > lease.until {
            return self.release(lease, now, false).await;
        }
        let is_repeated = attempt.is_some();
        let id = attempt.map_or_else(|| DigestId::new(self.parts.ids.new_id(now)), |attempt| attempt.id);
        let attempt = DigestAttempt { id, extents, at: now };
        let recorded = self.parts.store.record_attempt(&lease, &attempt, now);
        if !self.in_time("recording an e-mail", recorded).await? {
            return Ok(());
        }

        let excerpts = self
            .parts
            .store
            .load_excerpts(&attempt.extents, self.parts.policy.messages);
        let mut excerpts = self.in_time("loading what is to be mailed", excerpts).await?;
        excerpts.retain(|excerpt| {
            let is_theirs = *excerpt.conversation.user(excerpt.extent.side) == lease.user_id;
            is_theirs && !excerpt.first.is_empty()
        });
        let oldest = excerpts.iter().filter_map(Excerpt::oldest).min();
        let Some(oldest) = oldest else {
            return self.settle(&lease, &[], maybe_sent, now).await;
        };
        let ripe = oldest + self.parts.policy.delay;
        if self.now() < ripe {
            return self.release(lease, ripe, !is_repeated).await;
        }
        let digest = self
            .compose(attempt.id, &lease.user_id, email, contact, excerpts)
            .await;
        self.mail(lease, &attempt, is_repeated, &digest).await
    }

    async fn compose(
        &self,
        id: DigestId,
        user_id: &UserId,
        email: String,
        contact: Contact,
        excerpts: Vec<Excerpt>,
    ) -> Digest {
        let (parts, reach) = (&self.parts, &self.parts.reach);
        let draft = compose::Draft::new(user_id, excerpts, parts.policy.conversations);
        let query = draft.query();
        let profiles = profiles_or_blank(&*reach.directory, &*reach.clock, reach.timeout, &query);
        let profiles = profiles.await;
        draft.finish(id, email, contact, self.now(), &profiles)
    }

    async fn mail(
        &self,
        lease: DigestLease,
        attempt: &DigestAttempt,
        is_repeated: bool,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        let (user_id, digest_id) = (&lease.user_id, attempt.id);
        let sent = self.parts.mailer.send(digest);
        let sent = clock::timeout(&*self.parts.reach.clock, self.parts.options.mail_timeout, sent).await;
        let sent = sent.unwrap_or_else(|elapsed| Err(MailError::new(MailErrorKind::OutcomeUnknown, elapsed)));
        let now = self.now();
        telemetry::mailed(match sent.as_ref().map_err(MailError::kind) {
            Ok(()) => Mailed::Sent,
            Err(MailErrorKind::Refused) => Mailed::Refused,
            Err(_) => Mailed::Failed,
        });
        let Err(error) = sent else {
            *self.server() = MailServer::default();
            return self
                .settle(
                    &lease,
                    &attempt.extents,
                    Some(now),
                    now + self.parts.policy.interval,
                )
                .await;
        };
        let kind = error.kind();
        note(user_id, digest_id, &error);
        if kind == MailErrorKind::Refused {
            *self.server() = MailServer::default();
            // An earlier try may have got through.
            let maybe_sent = is_repeated.then_some(attempt.at);
            return self.settle(&lease, &attempt.extents, maybe_sent, now).await;
        }
        let may_be_sent = is_repeated || kind == MailErrorKind::OutcomeUnknown;
        let until = self.rest(now);
        self.release(lease, until, !may_be_sent).await
    }

    /// Records what has come of an e-mail: conversations first, the user last. What came since is looked at again
    /// at `again_at`.
    async fn settle(
        &self,
        lease: &DigestLease,
        extents: &[Extent],
        sent_at: Option<Timestamp>,
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        let store = &self.parts.store;
        for chunk in extents.chunks(self.parts.options.chunk) {
            self.repeated("marking messages mailed", || {
                store.mark_mailed(&lease.user_id, chunk, again_at)
            })
            .await?;
        }
        let remember = self.parts.policy.remembered();
        self.repeated("finishing an e-mail", || {
            store.finish_digest(lease, sent_at, remember)
        })
        .await?;
        Ok(())
    }

    /// Takes a step that may be taken twice, and repeats it if it fails in a way that may pass: what was sent is
    /// not to be sent again for that.
    async fn repeated<T, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        doing: &'static str,
        step: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        for _ in 1..MAX_REPEATS {
            match self.in_time(doing, step()).await {
                Err(error)
                    if matches!(
                        error.kind(),
                        StoreErrorKind::Retry
                            | StoreErrorKind::OutcomeUnknown
                            | StoreErrorKind::Unavailable { .. }
                    ) => {}
                done => return done,
            }
        }
        self.in_time(doing, step()).await
    }

    async fn release(
        &self,
        lease: DigestLease,
        until: Timestamp,
        forget_attempt: bool,
    ) -> Result<(), StoreError> {
        let hold = DigestHold {
            lease,
            until,
            forget_attempt,
        };
        self.hold(&[hold]).await
    }
}

fn note(user_id: &UserId, digest_id: DigestId, error: &MailError) {
    let kind = error.kind();
    let error: &dyn std::error::Error = error;
    if kind == MailErrorKind::Refused {
        tracing::warn!(%user_id, %digest_id, error, "a recipient is refused: not tried again");
    } else {
        tracing::warn!(%user_id, %digest_id, error, "an e-mail was not sent: trying again");
    }
}
