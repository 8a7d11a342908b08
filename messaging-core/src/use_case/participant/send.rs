use std::pin::pin;

use futures_util::future::{Either, ready, select};

use tracing::instrument;

use super::MessageView;
use crate::{
    actor::Actor,
    domain::{
        body::Body,
        conversation::Conversation,
        message::{IdempotencyKey, NewMessage, Origin},
        receipt::MessageRow,
        side::Side,
    },
    error::{Error, ErrorKind},
    host::{
        directory::{ProfileQuery, Profiles},
        rate_limit::Limited,
    },
    id::{ConversationId, MessageId, UserId},
    policy::{Action, Standing},
    store::{Append, Appended, Entry, EntryKind, LoadedEntry, Stored, Subject},
    telemetry::{self, SendOutcome, SendRefusal, SentBy},
    use_case::{Messaging, attempt::attempt, limits::Counted, rulings::by_our_rules, unless_lost},
};

pub(in crate::use_case) const SENDING: &str = "sending a message";

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendMessage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The text.
    pub body: Body,
    /// A key that makes the send repeatable: sends of one person with the same key are one message. Default: `None`.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl SendMessage {
    /// A message with this text.
    pub const fn new(conversation_id: ConversationId, body: Body) -> Self {
        Self {
            conversation_id,
            body,
            idempotency_key: None,
        }
    }

    /// With a key that makes the send repeatable.
    pub fn with_idempotency_key(self, key: impl Into<Option<IdempotencyKey>>) -> Self {
        Self {
            idempotency_key: key.into(),
            ..self
        }
    }
}

/// The message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The message.
    pub message: MessageView,
    /// Whether this send stored it; `false` when an earlier send with the same key did.
    pub created: bool,
}

/// What an append that held came to.
pub(in crate::use_case) enum Done {
    Stored(Sent),
    /// The sender had sent this key before.
    Duplicate(EarlierSend),
}

pub(in crate::use_case) struct EarlierSend {
    row: MessageRow,
    viewer: Option<Side>,
    profiles: Profiles,
}

impl Messaging {
    /// Sends a message to the other side. Once this has answered, the message is stored and counted, and
    /// its event will be published even if this process ends. When the future is dropped before, the
    /// message may be stored all the same; its event is then published when its lane's lease is over.
    ///
    /// A repeat with the same key gets the message of the first send, and does not count towards the actor's
    /// [rate limit](crate::host::rate_limit::RateLimits::sending): not when it is refused, either.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden),
    /// [`Blocked`](ErrorKind::Blocked), [`Closed`](ErrorKind::Closed): not allowed, unless the same message
    /// was sent with this key before; [`IdempotencyConflict`](ErrorKind::IdempotencyConflict): the key was
    /// used for another text; [`RateLimited`](ErrorKind::RateLimited) and
    /// [`Unavailable`](ErrorKind::Unavailable), also where the host's policy does not answer: nothing was stored;
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it with the same key.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %send.conversation_id))]
    pub async fn send_message(&self, actor: &Actor, send: &SendMessage) -> Result<Sent, Error> {
        let counted = match self.admit(actor, Limited::Send, SENDING).await {
            Ok(counted) => counted,
            Err(limited) => return self.find_repeat(actor, send).await?.ok_or(limited),
        };
        let answer = self.send_unlimited(actor, send).await?;
        if !answer.created && counted == Counted::Yes {
            self.give_back_repeat(actor).await;
        }
        Ok(answer)
    }

    /// The same outside the actor's rate limit.
    pub(in crate::use_case) async fn send_unlimited(
        &self,
        actor: &Actor,
        send: &SendMessage,
    ) -> Result<Sent, Error> {
        let outcome = self.send_as(actor, send).await;
        outcome.inspect_err(|error| {
            if let Some(refusal) = refusal(error) {
                telemetry::send_refused(refusal);
            }
        })
    }

    async fn send_as(&self, actor: &Actor, send: &SendMessage) -> Result<Sent, Error> {
        let recent = &self.0.recent;
        if let Some(remembered) = recent.find(send.conversation_id) {
            let decided = self.decide(actor, Action::Send, Some(&remembered), SENDING).await;
            match decided.map(Standing::side) {
                Ok(Some(side)) => match self.append(&remembered, by(actor, side), send).await? {
                    Some(Done::Stored(stored)) => return Ok(stored),
                    Some(Done::Duplicate(duplicate)) => {
                        return self.show_duplicate(actor, send, duplicate).await;
                    }
                    None => {}
                },
                // A host that did not answer would only be asked once more.
                Err(error) if matches!(error.kind(), ErrorKind::Unavailable { .. }) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        let outcome = attempt(SENDING, || async {
            let conversation = self.stored(send.conversation_id, SENDING).await?;
            let decided = self
                .decide(actor, Action::Send, conversation.as_ref(), SENDING)
                .await;
            let (side, conversation) = match (decided.map(Standing::side), conversation) {
                (Ok(Some(side)), Some(conversation)) => (side, conversation),
                (Ok(_), _) => return Err(Error::new(ErrorKind::Internal, SENDING)),
                (Err(refused), _) => return self.earlier_send(actor, send, refused).await.map(Some),
            };
            match self.append(&conversation, by(actor, side), send).await? {
                Some(Done::Stored(stored)) => {
                    recent.remember(conversation);
                    Ok(Some(stored))
                }
                Some(Done::Duplicate(duplicate)) => same_text(send, duplicate).map(Some),
                None => {
                    recent.forget(send.conversation_id);
                    Ok(None)
                }
            }
        });
        outcome.await
    }

    /// Applies a send that was decided on `conversation`; `None` when that has changed since.
    pub(in crate::use_case) async fn append(
        &self,
        conversation: &Conversation,
        origin: Origin,
        send: &SendMessage,
    ) -> Result<Option<Done>, Error> {
        let now = self.now();
        let viewer = viewer_of(&origin);
        let query = sender_query(origin.sender());
        let step = Append {
            conversation_id: conversation.id,
            access_version: conversation.access_version,
            message: NewMessage {
                id: MessageId::new(self.0.ids.new_id(now)),
                origin,
                body: send.body.clone(),
                extras: None,
                idempotency_key: send.idempotency_key.clone(),
                now,
                digest_at: self.digest_at(now),
            },
            publisher: self.publisher(),
        };
        let profiles = pin!(self.profiles(&query));
        // Whichever comes first: a directory that is slow holds up the answer, not the event.
        let (appended, known, profiles) = match select(self.store().append(&step), profiles).await {
            Either::Left((appended, profiles)) => (appended, Profiles::default(), Either::Left(profiles)),
            Either::Right((profiles, append)) => {
                (append.await, profiles.clone(), Either::Right(ready(profiles)))
            }
        };
        match unless_lost(appended, SENDING)? {
            Some(Appended::Stored(stored)) => {
                telemetry::sent(sent_by(viewer), SendOutcome::Stored);
                let row = MessageRow::unread(stored.message.clone());
                self.publish_stored(stored, known);
                let message = MessageView::new(row, viewer, &profiles.await);
                Ok(Some(Done::Stored(Sent {
                    message,
                    created: true,
                })))
            }
            Some(Appended::Duplicate(row)) => Ok(Some(Done::Duplicate(EarlierSend {
                row,
                viewer,
                profiles: profiles.await,
            }))),
            Some(Appended::Conflict) | None => Ok(None),
        }
    }

    /// No access version protects what was sent before: an actor who is shown it has to take part now. The host's policy
    /// has been asked, and a refusal would get the same answer.
    async fn show_duplicate(
        &self,
        actor: &Actor,
        send: &SendMessage,
        duplicate: EarlierSend,
    ) -> Result<Sent, Error> {
        let conversation = self.stored(send.conversation_id, SENDING).await?;
        match by_our_rules(actor, Action::Send, conversation.as_ref(), SENDING) {
            Ok(_) => same_text(send, duplicate),
            Err(refused) => self.earlier_send(actor, send, refused).await,
        }
    }

    /// The message that this send made before it was refused, if it did: a retry gets its first answer,
    /// whatever has happened to the conversation since.
    async fn earlier_send(&self, actor: &Actor, send: &SendMessage, refused: Error) -> Result<Sent, Error> {
        let since = match refused.kind() {
            ErrorKind::Blocked | ErrorKind::Closed => true,
            // The host's policy, which is asked about participants only.
            ErrorKind::Forbidden { message } => message.is_some(),
            _ => false,
        };
        let (true, Some(key)) = (since, &send.idempotency_key) else {
            return Err(refused);
        };
        match self.find_earlier(actor, send, key).await? {
            Some(earlier) => same_text(send, earlier),
            None => Err(refused),
        }
    }

    /// The message that a send over the actor's rate limit repeats; `None` where it is none, or would be refused otherwise,
    /// or the actor repeats too often.
    async fn find_repeat(&self, actor: &Actor, send: &SendMessage) -> Result<Option<Sent>, Error> {
        let Some(key) = &send.idempotency_key else {
            return Ok(None);
        };
        if !self.admits_repeat(actor).await {
            return Ok(None);
        }
        let conversation = self.stored(send.conversation_id, SENDING).await?;
        match by_our_rules(actor, Action::Send, conversation.as_ref(), SENDING) {
            Ok(_) => {}
            Err(refused) if matches!(refused.kind(), ErrorKind::Blocked | ErrorKind::Closed) => {}
            Err(_) => return Ok(None),
        }
        match self.find_earlier(actor, send, key).await? {
            Some(earlier) => same_text(send, earlier).map(Some),
            None => Ok(None),
        }
    }

    async fn find_earlier(
        &self,
        actor: &Actor,
        send: &SendMessage,
        key: &IdempotencyKey,
    ) -> Result<Option<EarlierSend>, Error> {
        let sender = actor.user_id();
        let earlier = self
            .store()
            .find_sent(send.conversation_id, Some(sender), key)
            .await;
        let Some(row) = earlier.map_err(|error| Error::store(error, SENDING))? else {
            return Ok(None);
        };
        Ok(Some(EarlierSend {
            viewer: viewer_of(&row.message.origin),
            profiles: self.profiles(&sender_query(Some(sender))).await,
            row,
        }))
    }

    fn publish_stored(&self, stored: Stored, profiles: Profiles) {
        let Stored {
            message,
            conversation,
            entry: committed,
        } = stored;
        let loaded = LoadedEntry {
            entry: Entry {
                conversation_id: conversation.id,
                number: committed.number,
                kind: EntryKind::Message { seq: message.seq },
                at: message.created_at,
            },
            conversation,
            subject: Subject::Message(MessageRow::unread(message)),
            lost_access: None,
        };
        self.hand_over_loaded(committed.lane, loaded, profiles);
    }
}

pub(in crate::use_case) fn same_text(send: &SendMessage, duplicate: EarlierSend) -> Result<Sent, Error> {
    let EarlierSend {
        row,
        viewer,
        profiles,
    } = duplicate;
    if row.message.body == send.body {
        telemetry::sent(sent_by(viewer), SendOutcome::Repeated);
        Ok(Sent {
            message: MessageView::new(row, viewer, &profiles),
            created: false,
        })
    } else {
        Err(Error::new(ErrorKind::IdempotencyConflict, SENDING))
    }
}

/// Why a send was refused; `None` where it failed otherwise.
fn refusal(error: &Error) -> Option<SendRefusal> {
    Some(match error.kind() {
        ErrorKind::Blocked => SendRefusal::Blocked,
        ErrorKind::Closed => SendRefusal::Closed,
        ErrorKind::Forbidden { .. } => SendRefusal::Forbidden,
        ErrorKind::NotFound => SendRefusal::NotFound,
        ErrorKind::IdempotencyConflict => SendRefusal::IdempotencyConflict,
        _ => return None,
    })
}

fn sent_by(viewer: Option<Side>) -> SentBy {
    viewer.map_or(SentBy::System, |_| SentBy::User)
}

fn by(actor: &Actor, side: Side) -> Origin {
    Origin::user(side, actor.user_id().clone())
}

fn viewer_of(origin: &Origin) -> Option<Side> {
    match origin {
        Origin::User { side, .. } => Some(*side),
        Origin::System { .. } => None,
    }
}

fn sender_query(sender: Option<&UserId>) -> ProfileQuery {
    ProfileQuery {
        users: sender.cloned().into_iter().collect(),
        ..ProfileQuery::default()
    }
}
