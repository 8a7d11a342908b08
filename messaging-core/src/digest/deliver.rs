//! The delivery of one user's e-mail: record the attempt, load names, check once more, compose, send, record the end.

use std::time::Duration;

use super::{
    Digester, MailServer, compose,
    deferrals::{CountsTowardsLimit, Deferral},
    record::{Outcome, Record},
};
use crate::{
    clock,
    domain::{
        digest::Extent,
        digest_policy::{LONGEST_PAUSE, pause_after},
    },
    host::directory::Contact,
    id::DigestId,
    store::{DigestAttempt, DigestLease, DigestPostponement, Excerpt, StoreError},
    telemetry::{self, Mailed},
    time::Timestamp,
    transport::mailer::Digest,
    transport::{TransportError, TransportErrorKind},
};

/// The pause before the next check, after all messages of an attempt were read while it was prepared.
const AGAIN: Duration = Duration::from_mins(1);

/// A user to mail, or a user who wants no e-mail and whose messages count as mailed.
pub(super) struct Delivery {
    pub(super) lease: DigestLease,
    pub(super) contact: Contact,
    /// An earlier attempt, whose e-mail may have been sent.
    pub(super) attempt: Option<DigestAttempt>,
    /// The extents of the e-mail; empty if all messages of an attempt have been read or mailed since.
    pub(super) extents: Vec<Extent>,
    /// The number of consecutive deferrals that count.
    pub(super) deferrals: u32,
}

/// An attempt under a lease.
struct Begun {
    lease: DigestLease,
    attempt: DigestAttempt,
    /// When the last send began that may have succeeded; `None` if there was none. Such an attempt is repeated with its
    /// id and its extents. Otherwise the next attempt is new and covers all messages that are unread then.
    maybe_sent: Option<Timestamp>,
    /// The number of consecutive deferrals that count.
    deferrals: u32,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The mail server has accepted the e-mail.
    Sent,
    /// There is nothing left to send: the messages are read, mailed, unwanted or permanently refused. They count as
    /// mailed.
    NothingToSend,
    /// The user is checked again later.
    Again {
        at: Timestamp,
        counts: CountsTowardsLimit,
    },
}

impl End {
    /// A later check, after an end that is not a deferral that counts.
    const fn again(at: Timestamp) -> Self {
        Self::Again {
            at,
            counts: CountsTowardsLimit::No,
        }
    }

    /// The same end, with the next check not before that time.
    fn not_before(self, earliest: Timestamp) -> Self {
        match self {
            Self::Again { at, counts } => Self::Again {
                at: at.max(earliest),
                counts,
            },
            Self::Sent | Self::NothingToSend => self,
        }
    }

    /// The log text for a deferral that counts: `retrying`, or that the limit is reached.
    const fn limit_or(self, retrying: &'static str) -> &'static str {
        match self {
            Self::Again { .. } => retrying,
            Self::Sent | Self::NothingToSend => {
                "digest deferred as often as the policy allows; its messages count as mailed"
            }
        }
    }
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
        let now = self.now();
        // Its e-mail may have been sent: that send counts from when it began.
        let maybe_sent = attempt.as_ref().map(|attempt| attempt.at);
        let id = attempt.map_or_else(|| DigestId::new(self.parts.ids.new_id(now)), |attempt| attempt.id);
        let mut begun = Begun {
            lease,
            attempt: DigestAttempt { id, extents, at: now },
            maybe_sent,
            deferrals,
        };
        let Some(email) = contact.mailable().map(str::to_owned) else {
            return self.end(begun, End::NothingToSend).await;
        };
        if begun.attempt.extents.is_empty() {
            return self.end(begun, End::NothingToSend).await;
        }
        if !self.is_open(now) || now + self.parts.options.mail_timeout > begun.lease.until {
            return self.end(begun, End::again(now)).await;
        }
        let recorded = self.store()?.record_attempt(&begun.lease, &begun.attempt, now);
        if !self.in_time("recording a digest attempt", recorded).await? {
            return Ok(());
        }

        let draft = self.look(&begun).await?;
        if let Some(end) = self.ends_without_a_mail(&draft) {
            return self.end(begun, end).await;
        }
        let draft = compose::Draft::new(&begun.lease.user_id, draft, self.parts.policy.conversations);
        let profiles = self.parts.host.profiles(&draft.query()).await;

        // The final check: no other call is made between it and the mailer's.
        let excerpts = self.look(&begun).await?;
        if let Some(end) = self.ends_without_a_mail(&excerpts) {
            return self.end(begun, end).await;
        }
        let now = self.now();
        let end = match draft.finish(begun.attempt.id, email, contact, now, &profiles, excerpts) {
            Some(digest) => self.mail(&mut begun, &digest).await,
            // All messages of this attempt were read meanwhile, and others remain unread.
            None => End::again(now + AGAIN),
        };
        self.end(begun, end).await
    }

    /// Loads the messages that an attempt would show now.
    async fn look(&self, begun: &Begun) -> Result<Vec<Excerpt>, StoreError> {
        let loaded = self
            .store()?
            .load_excerpts(&begun.attempt.extents, self.parts.policy.messages);
        let mut excerpts = self.in_time("loading messages to mail", loaded).await?;
        excerpts.retain(|excerpt| {
            let is_theirs = *excerpt.conversation.user(excerpt.extent.side) == begun.lease.user_id;
            is_theirs && !excerpt.first.is_empty()
        });
        Ok(excerpts)
    }

    /// How an attempt ends for which there is no message to show; `None` if there is one.
    fn ends_without_a_mail(&self, excerpts: &[Excerpt]) -> Option<End> {
        let Some(oldest) = excerpts.iter().filter_map(Excerpt::oldest).min() else {
            // The messages were read or mailed meanwhile, or must not be shown: they count as mailed.
            return Some(End::NothingToSend);
        };
        let ripe = oldest + self.parts.policy.delay;
        (self.now() < ripe).then(|| End::again(ripe))
    }

    /// Sends the e-mail, and returns how the attempt ends.
    async fn mail(&self, begun: &mut Begun, digest: &Digest) -> End {
        let sent = self.parts.mailer.send(digest);
        let sent = clock::timeout(&*self.parts.clock, self.parts.options.mail_timeout, sent).await;
        let sent = sent
            .unwrap_or_else(|elapsed| Err(TransportError::new(TransportErrorKind::OutcomeUnknown, elapsed)));
        let (end, outcome) = match sent {
            Ok(()) => {
                self.deferrals.accepted(&begun.lease.user_id, &digest.email);
                (End::Sent, Mailed::Sent)
            }
            Err(error) => self.not_taken(begun, &digest.email, &error),
        };
        telemetry::mailed(outcome);
        // A template can defer too, before the server is called.
        if matches!(outcome, Mailed::Sent | Mailed::Refused) {
            *self.server() = MailServer::default();
        }
        end
    }

    /// How an attempt ends that the mail server did not accept.
    fn not_taken(&self, begun: &mut Begun, email: &str, error: &TransportError) -> (End, Mailed) {
        let now = self.now();
        match error.kind() {
            TransportErrorKind::Refused => {
                log(
                    begun,
                    error,
                    "digest refused for this recipient; its messages count as mailed",
                );
                (End::NothingToSend, Mailed::Refused)
            }
            TransportErrorKind::Deferred { retry_after } => {
                let deferral = self.deferrals.defer(&begun.lease.user_id, email, now);
                let (end, outcome) = self.deferred(begun, now, deferral, error);
                let asked = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
                (end.not_before(now + asked), outcome)
            }
            // The server may have accepted it: repeated with the same id, after long pauses, up to the limit.
            TransportErrorKind::OutcomeUnknown => {
                self.rest(now);
                begun.maybe_sent = Some(now);
                let in_a_row = self.deferrals.defer(&begun.lease.user_id, email, now).in_a_row;
                let end = self.counted(begun, now, in_a_row);
                let what = "digest sent without an answer from the mail server; retrying with the same id after a pause";
                log(begun, error, end.limit_or(what));
                (end, Mailed::Failed)
            }
            TransportErrorKind::Busy { .. }
            | TransportErrorKind::Unavailable
            | TransportErrorKind::Misconfigured => {
                let what =
                    "digest delivery failed for every recipient; retrying with one recipient at a time";
                log(begun, error, what);
                (End::again(self.rest(now)), Mailed::Failed)
            }
        }
    }

    /// Postpones one recipient, by a longer pause each time.
    fn deferred(
        &self,
        begun: &Begun,
        now: Timestamp,
        deferral: Deferral,
        error: &TransportError,
    ) -> (End, Mailed) {
        match deferral.counts {
            CountsTowardsLimit::Yes => {
                let end = self.counted(begun, now, deferral.in_a_row);
                log(
                    begun,
                    error,
                    end.limit_or("digest deferred for this recipient; retrying after a pause"),
                );
                (end, Mailed::Deferred)
            }
            CountsTowardsLimit::No => {
                log(
                    begun,
                    error,
                    "digest deferred for this recipient, with no e-mail to the same domain accepted since the previous \
                     deferral; retrying after a pause, without counting the deferral",
                );
                let in_a_row = deferral.in_a_row.max(begun.deferrals.saturating_add(1));
                (End::again(now + pause_after(in_a_row)), Mailed::DeferredUncounted)
            }
        }
    }

    /// The end after a deferral that counts; at the limit, the messages count as mailed.
    fn counted(&self, begun: &Begun, now: Timestamp, in_a_row: u32) -> End {
        let Some(pause) = self.parts.policy.pause(begun.deferrals.saturating_add(1)) else {
            return End::NothingToSend;
        };
        End::Again {
            at: now + pause.max(pause_after(in_a_row)),
            counts: CountsTowardsLimit::Yes,
        }
    }

    /// Records in the store how an attempt has ended.
    async fn end(&self, begun: Begun, end: End) -> Result<(), StoreError> {
        let Begun {
            lease,
            attempt,
            maybe_sent,
            ..
        } = begun;
        let now = self.now();
        let (outcome, again_at) = match end {
            End::Sent => (Outcome::Accepted(now), now + self.parts.policy.interval),
            End::NothingToSend => {
                self.deferrals.forget(&lease.user_id);
                (Outcome::NothingToSend(maybe_sent), now)
            }
            End::Again { at, counts } => {
                let hold = DigestPostponement {
                    lease,
                    until: at,
                    forget_attempt: maybe_sent.is_none(),
                    is_deferred: counts == CountsTowardsLimit::Yes,
                };
                return self.hold(&[hold]).await;
            }
        };
        let chunk = self.parts.options.chunk;
        let record = Record::new(lease, attempt.id, outcome, again_at, &attempt.extents, chunk);
        self.record(record).await;
        Ok(())
    }
}

fn log(begun: &Begun, error: &TransportError, what: &'static str) {
    let (user_id, digest_id) = (&begun.lease.user_id, begun.attempt.id);
    let error: &dyn std::error::Error = error;
    tracing::warn!(%user_id, %digest_id, error, "{what}");
}
