//! One user's e-mail: recorded, given its names, looked at once more, composed, sent, settled.

use std::time::Duration;

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

/// When to look again where all that was to be shown has gone between two looks.
const AGAIN: Duration = Duration::from_mins(1);

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
    /// How often in a row they have been deferred.
    pub(super) deferrals: u32,
}

/// An attempt that is recorded under a lease.
struct Begun {
    lease: DigestLease,
    attempt: DigestAttempt,
    /// When an earlier try of it was begun, if there was one: it may have been sent.
    maybe_sent: Option<Timestamp>,
    /// How often in a row the user has been deferred.
    deferrals: u32,
}

/// How a digest that was not taken is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// With all that there is by then.
    Anew,
    /// With the id and the extent that it had: it may have been taken.
    WithItsId,
}

impl Digester {
    pub(super) async fn deliver(&self, delivery: Delivery) {
        let user_id = delivery.lease.user_id.clone();
        if let Err(error) = self.try_deliver(delivery).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(%user_id, error, "digest delivery failed; retrying after the lease expires");
        }
    }

    async fn try_deliver(&self, delivery: Delivery) -> Result<(), StoreError> {
        let Delivery {
            lease,
            contact,
            attempt,
            extents,
            deferrals,
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
        let id = attempt.map_or_else(|| DigestId::new(self.parts.ids.new_id(now)), |attempt| attempt.id);
        let attempt = DigestAttempt { id, extents, at: now };
        let recorded = self.parts.store.record_attempt(&lease, &attempt, now);
        if !self.in_time("recording an e-mail", recorded).await? {
            return Ok(());
        }

        let begun = Begun {
            lease,
            attempt,
            maybe_sent,
            deferrals,
        };
        let draft = self.look(&begun).await?;
        if self.ended_without_a_mail(&begun, &draft).await? {
            return Ok(());
        }
        let draft = compose::Draft::new(&begun.lease.user_id, draft, self.parts.policy.conversations);
        let reach = &self.parts.reach;
        let profiles =
            profiles_or_blank(&*reach.directory, &*reach.clock, reach.timeout, &draft.query()).await;

        // The last look: nothing else is asked between it and the mailer.
        let excerpts = self.look(&begun).await?;
        if self.ended_without_a_mail(&begun, &excerpts).await? {
            return Ok(());
        }
        let Some(digest) = draft.finish(begun.attempt.id, email, contact, self.now(), &profiles, excerpts)
        else {
            // All that was to be shown has gone meanwhile, and something else has not.
            let forgets = maybe_sent.is_none();
            return self.release(begun.lease, self.now() + AGAIN, forgets).await;
        };
        self.mail(begun, &digest).await
    }

    /// What there is to tell of an attempt now.
    async fn look(&self, begun: &Begun) -> Result<Vec<Excerpt>, StoreError> {
        let store = &self.parts.store;
        let loaded = store.load_excerpts(&begun.attempt.extents, self.parts.policy.messages);
        let mut excerpts = self.in_time("loading what is to be mailed", loaded).await?;
        excerpts.retain(|excerpt| {
            let is_theirs = *excerpt.conversation.user(excerpt.extent.side) == begun.lease.user_id;
            is_theirs && !excerpt.first.is_empty()
        });
        Ok(excerpts)
    }

    /// Ends an attempt of which nothing is to be told, or not yet: `true` if it did.
    async fn ended_without_a_mail(&self, begun: &Begun, excerpts: &[Excerpt]) -> Result<bool, StoreError> {
        let now = self.now();
        let Some(oldest) = excerpts.iter().filter_map(Excerpt::oldest).min() else {
            // Read or mailed meanwhile; or it may not be told, and counts as mailed.
            self.settle(&begun.lease, &begun.attempt.extents, begun.maybe_sent, now)
                .await?;
            return Ok(true);
        };
        let ripe = oldest + self.parts.policy.delay;
        if now < ripe {
            let forgets = begun.maybe_sent.is_none();
            self.release(begun.lease.clone(), ripe, forgets).await?;
        }
        Ok(now < ripe)
    }

    async fn mail(&self, begun: Begun, digest: &Digest) -> Result<(), StoreError> {
        let (user_id, digest_id) = (&begun.lease.user_id, begun.attempt.id);
        let sent = self.parts.mailer.send(digest);
        let sent = clock::timeout(&*self.parts.reach.clock, self.parts.options.mail_timeout, sent).await;
        let sent = sent.unwrap_or_else(|elapsed| Err(MailError::new(MailErrorKind::OutcomeUnknown, elapsed)));
        let now = self.now();
        let outcome = match sent.as_ref().map_err(MailError::kind) {
            Ok(()) => Mailed::Sent,
            Err(MailErrorKind::Refused) => Mailed::Refused,
            Err(MailErrorKind::Deferred) => Mailed::Deferred,
            Err(_) => Mailed::Failed,
        };
        telemetry::mailed(outcome);
        // A deferral may come from a template, before the server was asked.
        if matches!(outcome, Mailed::Sent | Mailed::Refused) {
            *self.server() = MailServer::default();
        }
        let Err(error) = sent else {
            let again_at = now + self.parts.policy.interval;
            return self
                .settle(&begun.lease, &begun.attempt.extents, Some(now), again_at)
                .await;
        };
        match error.kind() {
            MailErrorKind::Refused => {
                log(
                    user_id,
                    digest_id,
                    &error,
                    "the recipient is refused; these messages count as mailed",
                );
                self.give_up(&begun, now).await
            }
            MailErrorKind::Deferred => {
                self.defer(
                    begun,
                    now,
                    &error,
                    Repeat::Anew,
                    "the recipient is deferred; retrying after a pause",
                )
                .await
            }
            // It may have been taken: repeated with its id, seldom, and not for ever.
            MailErrorKind::OutcomeUnknown => {
                self.rest(now);
                let what = "no answer to a digest; it may have been taken, and is repeated with its id after a pause";
                self.defer(begun, now, &error, Repeat::WithItsId, what).await
            }
            _ => {
                log(
                    user_id,
                    digest_id,
                    &error,
                    "digest delivery failed; retrying, one recipient at a time until it works",
                );
                let until = self.rest(now);
                let forgets = begun.maybe_sent.is_none();
                self.release(begun.lease, until, forgets).await
            }
        }
    }

    /// Counts as mailed what will not be taken. An earlier try may have got through.
    async fn give_up(&self, begun: &Begun, now: Timestamp) -> Result<(), StoreError> {
        self.settle(&begun.lease, &begun.attempt.extents, begun.maybe_sent, now)
            .await
    }

    /// Lets one recipient wait, longer each time, and counts their messages as mailed in the end.
    async fn defer(
        &self,
        begun: Begun,
        now: Timestamp,
        error: &MailError,
        repeat: Repeat,
        what: &'static str,
    ) -> Result<(), StoreError> {
        let (user_id, digest_id) = (&begun.lease.user_id, begun.attempt.id);
        let Some(pause) = self.parts.policy.pause(begun.deferrals.saturating_add(1)) else {
            let what = "a digest was not taken too often; its messages count as mailed";
            log(user_id, digest_id, error, what);
            return self.give_up(&begun, now).await;
        };
        log(user_id, digest_id, error, what);
        let hold = DigestHold {
            lease: begun.lease,
            until: now + pause,
            forget_attempt: repeat == Repeat::Anew && begun.maybe_sent.is_none(),
            is_deferred: true,
        };
        self.hold(&[hold]).await
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
            is_deferred: false,
        };
        self.hold(&[hold]).await
    }
}

fn log(user_id: &UserId, digest_id: DigestId, error: &MailError, what: &'static str) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(%user_id, %digest_id, error, "{what}");
}
