//! Push notifications of published messages, to recipients who are away.
//!
//! A notification is tried once and not guaranteed: pending ones are lost with the process, and a user who missed one
//! gets the digest. The store keeps only the state that makes a single notification of a message, even if several
//! processes publish it or one publishes it twice.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{self, Clock},
    domain::{conversation::Conversation, message::Message, page::PageSize, shown::Shown, side::Side},
    host::{
        Host,
        directory::{Contact, ProfileQuery},
    },
    id::{ConversationId, UserId},
    policy::may_notify,
    signal::Signal,
    store::{Capability, Direction, HistoryScan, PushMark, Store, StoreError, timed},
    telemetry::{self, PushOutcome},
    transport::push::{Notification, Push},
    transport::{TransportError, TransportErrorKind},
};

/// The maximum number of conversations that wait for their notification.
const CAPACITY: usize = 1_000;

/// The time limit of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The dependencies of a [`Notifier`].
pub(crate) struct NotifyParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) push: Arc<dyn Push>,
    pub(crate) host: Arc<Host>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The minimum time between two notifications about a conversation.
    pub(crate) interval: Duration,
}

/// Sends push notifications to users who are away. Driven by [`Workers::run`](crate::Workers), or by hand in tests.
pub struct Notifier {
    parts: NotifyParts,
    /// The seq of the newest published message of each conversation.
    waiting: Mutex<BTreeMap<ConversationId, u64>>,
    pub(crate) signal: Signal,
}

/// A user to notify.
struct Candidate {
    user_id: UserId,
    side: Side,
    conversation: Conversation,
    message: Message,
}

impl Notifier {
    pub(crate) fn new(parts: NotifyParts) -> Self {
        Self {
            parts,
            waiting: Mutex::default(),
            signal: Signal::default(),
        }
    }

    /// Queues a published message for notification.
    pub(crate) fn published(&self, of: ConversationId, seq: u64) {
        let mut waiting = self.waiting();
        if waiting.len() < CAPACITY || waiting.contains_key(&of) {
            let newest = waiting.entry(of).or_default();
            *newest = seq.max(*newest);
        }
        drop(waiting);
        self.signal.raise();
    }

    /// Notifies the recipients, if they are away, of messages published since the last step. Returns the number of
    /// notifications sent.
    pub async fn step(&self) -> usize {
        let published = std::mem::take(&mut *self.waiting());
        let mut candidates = Vec::new();
        for (of, seq) in published {
            match self.candidates(of, seq).await {
                Ok(found) => candidates.extend(found),
                Err(error) => note(of, &error),
            }
        }
        if candidates.is_empty() {
            return 0;
        }
        let mut users: Vec<_> = candidates.iter().map(|one| one.user_id.clone()).collect();
        users.sort();
        users.dedup();
        let online = self.parts.host.online(&users).await;
        users.retain(|user_id| online.get(user_id) == Some(&false));
        if users.is_empty() {
            return 0;
        }
        let contacts = self.parts.host.contacts(&users).await.unwrap_or_default();
        let wants_push = |user_id: &UserId| contacts.get(user_id).is_some_and(|one: &Contact| one.wants_push);
        let mut notified = 0;
        for candidate in candidates {
            if wants_push(&candidate.user_id) {
                match self.notify(&candidate).await {
                    Ok(is_notified) => notified += usize::from(is_notified),
                    Err(error) => note(candidate.conversation.id, &error),
                }
            }
        }
        notified
    }

    /// The recipients of a message who have not read it and may be notified.
    async fn candidates(&self, of: ConversationId, seq: u64) -> Result<Vec<Candidate>, StoreError> {
        let scan = HistoryScan {
            conversation_id: of,
            direction: Direction::After(seq.saturating_sub(1)),
            limit: PageSize::ONE,
        };
        let listed = self.parts.store.list_messages(&scan);
        let page = self.in_time("loading a message to push", listed).await?;
        let found = page.and_then(|page| Some((page.summary.conversation, page.rows.into_iter().next()?)));
        let Some((conversation, row)) = found else {
            return Ok(Vec::new());
        };
        let message = row.message;
        let is_for = |side: &Side| may_notify(&conversation, *side, &message);
        let candidate = |side| Candidate {
            user_id: conversation.user(side).clone(),
            side,
            conversation: conversation.clone(),
            message: message.clone(),
        };
        Ok(Side::ALL.into_iter().filter(is_for).map(candidate).collect())
    }

    /// Notifies a user, unless this message has been pushed already, or another one less than `interval` ago.
    async fn notify(&self, candidate: &Candidate) -> Result<bool, StoreError> {
        const DOING: &str = "admitting a push";
        let Candidate {
            user_id,
            side,
            conversation,
            message,
        } = candidate;
        let of = conversation.id;
        let now = self.parts.clock.now();
        let mark = PushMark {
            conversation_id: conversation.id,
            side: *side,
            seq: message.seq,
            now,
            not_since: now - self.parts.interval,
        };
        let admitted = Capability::Push
            .require(self.parts.store.push(), DOING)?
            .admit_push(&mark);
        if !self.in_time(DOING, admitted).await? {
            return Ok(false);
        }
        let mut query = ProfileQuery::default();
        match side {
            Side::Client => query.agents.insert(conversation.agent_id.clone()),
            Side::Agent => query.users.insert(conversation.client_id.clone()),
        };
        let profiles = self.parts.host.profiles(&query).await;
        // The final check: no other call is made between it and the transport's.
        let now_told = self.candidates(of, message.seq).await?;
        if !now_told
            .iter()
            .any(|one| (&one.user_id, one.side) == (user_id, *side))
        {
            return Ok(false);
        }
        let origin = message.origin.clone();
        let notification = Notification::new(conversation.id, message.id, origin, Shown::of(message))
            .with_from(conversation.shown_to(*side, &profiles));
        let pushed = self
            .parts
            .push
            .notify(std::slice::from_ref(user_id), &notification);
        let pushed = clock::timeout(&*self.parts.clock, CALL_TIMEOUT, pushed).await;
        let pushed = pushed
            .unwrap_or_else(|elapsed| Err(TransportError::new(TransportErrorKind::OutcomeUnknown, elapsed)));
        telemetry::notified(match &pushed {
            Ok(()) => PushOutcome::Sent,
            Err(_) => PushOutcome::Failed,
        });
        if let Err(error) = &pushed {
            let error: &dyn std::error::Error = error;
            tracing::warn!(%user_id, error, "push notification failed; the digest tells the user later");
        }
        Ok(pushed.is_ok())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ConversationId, u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn in_time<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        timed(&*self.parts.clock, CALL_TIMEOUT, doing, call).await
    }

    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = self.signal.raised() => {}
            }
            self.step().await;
        }
    }
}

fn note(conversation_id: ConversationId, error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(%conversation_id, error, "push notification skipped; the digest tells the user later");
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}
