//! Openings that the host vouches for: without an actor, also inside the host's own transaction.

use tracing::instrument;

use super::Operations;
use crate::{
    domain::{change::Change, conversation::Conversation, opening::PreparedOpen},
    error::Error,
    id::{AgentId, BookingId, Bucket, ConversationId, UserId},
    policy::Refusal,
    store::{Changed, ConversationKey, Opened},
    telemetry::{self, OpenOutcome},
    use_case::{attempt::attempt, unless_lost},
};

pub(in crate::use_case) const OPENING: &str = "opening a conversation";
const FINDING: &str = "finding a conversation";
const UNLINKING: &str = "unlinking a booking";

/// An opening for which the host vouches: who answers for the agent, and whose the booking is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "each is the id of something else")]
pub struct HostOpen {
    pub(in crate::use_case) client_id: UserId,
    pub(in crate::use_case) agent_id: AgentId,
    pub(in crate::use_case) agent_user_id: UserId,
    pub(in crate::use_case) booking_id: Option<BookingId>,
}

impl HostOpen {
    /// The conversation between a client and an agent for whom this user answers.
    pub fn new(client_id: &UserId, agent_id: &AgentId, agent_user_id: &UserId) -> Self {
        Self {
            client_id: client_id.clone(),
            agent_id: agent_id.clone(),
            agent_user_id: agent_user_id.clone(),
            booking_id: None,
        }
    }

    /// With a booking to link.
    pub fn with_booking(self, booking_id: &BookingId) -> Self {
        Self {
            booking_id: Some(booking_id.clone()),
            ..self
        }
    }
}

impl Operations<'_> {
    /// Finds a conversation by its id, by its pair or by a booking; `None` if there is none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is.
    pub async fn find_conversation(
        self,
        key: impl Into<ConversationKey>,
    ) -> Result<Option<Conversation>, Error> {
        let found = self.messaging.store().find_conversation(key.into()).await;
        found.map_err(|error| Error::store(error, FINDING))
    }

    /// Plans an opening that the host vouches for, to be carried out by the store inside the host's own
    /// transaction or by [`open_prepared`](Self::open_prepared). No I/O.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the client answers for the agent themselves.
    pub fn prepare_open(self, open: HostOpen) -> Result<PreparedOpen, Error> {
        let plan = self.plan(open);
        not_oneself(&plan)?;
        Ok(plan)
    }

    /// Carries out a plan: opens the conversation or finds it, and links the booking.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the client answers for the agent themselves;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is.
    #[instrument(level = "debug", skip_all, fields(client_id = %plan.client_id, agent_id = %plan.agent_id))]
    pub async fn open_prepared(self, plan: &PreparedOpen) -> Result<Opened, Error> {
        not_oneself(plan)?;
        let opened = attempt(OPENING, || async {
            unless_lost(
                self.messaging
                    .store()
                    .open(plan, self.messaging.publisher())
                    .await,
                OPENING,
            )
        });
        let opened = opened.await?;
        telemetry::opened(if opened.created {
            OpenOutcome::Created
        } else {
            OpenOutcome::Found
        });
        let lane = opened.entry.as_ref().and_then(|entry| entry.lane.clone());
        self.messaging.hand_over(lane);
        Ok(opened)
    }

    /// Unlinks a booking that is no longer one: cancelled, or moved elsewhere. The newest link that is left is the booking
    /// shown, and both sides are told so. A call for the host, which decides who may make it. Answers whether it was
    /// linked.
    ///
    /// To show another booking of several, link it with [`open_prepared`](Self::open_prepared) after unlinking it: a new
    /// link is the newest.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it, which changes
    /// nothing once it is done.
    #[instrument(level = "debug", skip_all, fields(%conversation_id, %booking_id))]
    pub async fn unlink_booking(
        self,
        conversation_id: ConversationId,
        booking_id: &BookingId,
    ) -> Result<bool, Error> {
        let change = Change::Unlink(booking_id.clone());
        let unlinked = attempt(UNLINKING, || async {
            let Some(conversation) = self.messaging.stored(conversation_id, UNLINKING).await? else {
                return Ok(Some(false));
            };
            Ok(match self.messaging.apply_change(&conversation, &change).await? {
                Some(Changed::Done(_)) => Some(true),
                Some(Changed::AlreadySo) => Some(false),
                Some(Changed::Conflict) | None => None,
            })
        });
        unlinked.await
    }

    pub(in crate::use_case) fn plan(self, open: HostOpen) -> PreparedOpen {
        let now = self.messaging.now();
        let bucket = Bucket::of_client(&open.client_id);
        PreparedOpen {
            id: ConversationId::new(bucket.put_in(self.messaging.0.ids.new_id(now))),
            client_id: open.client_id,
            agent_id: open.agent_id,
            agent_user_id: open.agent_user_id,
            booking_id: open.booking_id,
            now,
        }
    }
}

fn not_oneself(plan: &PreparedOpen) -> Result<(), Error> {
    if plan.client_id == plan.agent_user_id {
        Err(Error::refused(Refusal::Forbidden, OPENING))
    } else {
        Ok(())
    }
}
