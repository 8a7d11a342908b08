use futures_util::future::join;

use tracing::instrument;

use super::{ConversationView, Messaging, attempt::attempt, found, rulings::by_our_rules, unless_lost};
use crate::{
    actor::Actor,
    domain::conversation::{Change, PreparedOpen},
    error::{Error, ErrorKind},
    host::HostError,
    host::access::{ParticipantAction, Participants},
    host::directory::{BookingParties, ProfileQuery, Profiles},
    host::rate_limit::Limited,
    id::{AgentId, BookingId, Bucket, ConversationId, UserId},
    policy::{Action, Refusal},
    store::{Changed, Opened},
    telemetry::{self, HostPart, OpenOutcome},
};

const OPENING: &str = "opening a conversation";
const UNLINKING: &str = "unlinking a booking";

/// A client's wish to talk to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenConversation {
    /// The agent.
    pub agent_id: AgentId,
    /// The booking it is about. It is linked only if the directory says that it is this client's with
    /// this agent.
    pub booking_id: Option<BookingId>,
}

/// The conversation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedConversation {
    /// The conversation.
    pub conversation: ConversationView,
    /// Whether it is new.
    pub created: bool,
}

/// An opening for which the host vouches: who answers for the agent, and whose the booking is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "each is the id of something else")]
pub struct HostOpen {
    client_id: UserId,
    agent_id: AgentId,
    agent_user_id: UserId,
    booking_id: Option<BookingId>,
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
    pub fn booking(self, booking_id: &BookingId) -> Self {
        Self {
            booking_id: Some(booking_id.clone()),
            ..self
        }
    }
}

impl Messaging {
    /// Opens the one conversation between the actor and an agent, or finds it; links the booking if one is
    /// named.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) unless the actor's role is client, when they answer for the
    /// agent themselves, and where the host's policy refuses; [`UnknownAgent`](ErrorKind::UnknownAgent);
    /// [`UnknownBooking`](ErrorKind::UnknownBooking), also for a booking of other people;
    /// [`RateLimited`](ErrorKind::RateLimited);
    /// [`Unavailable`](ErrorKind::Unavailable) when the directory, the store or the host's policy does not answer.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), agent_id = %open.agent_id))]
    pub async fn open_conversation(
        &self,
        actor: &Actor,
        open: &OpenConversation,
    ) -> Result<OpenedConversation, Error> {
        by_our_rules(actor, Action::Open { agent_user_id: None }, None, OPENING)?;
        self.admit(actor, Limited::Open, OPENING).await?;
        let agent_user = self.ask(self.0.host.directory.agent_user(&open.agent_id)).await?;
        let agent_user_id = agent_user.ok_or_else(|| Error::new(ErrorKind::UnknownAgent, OPENING))?;
        let action = Action::Open {
            agent_user_id: Some(&agent_user_id),
        };
        by_our_rules(actor, action, None, OPENING)?;
        if let Some(booking_id) = &open.booking_id {
            let theirs = BookingParties {
                client_id: actor.user_id().clone(),
                agent_id: open.agent_id.clone(),
            };
            let parties = self
                .ask(self.0.host.directory.booking_parties(booking_id))
                .await?;
            if parties != Some(theirs) {
                return Err(Error::new(ErrorKind::UnknownBooking, OPENING));
            }
        }
        let participants = Participants::new(
            actor.user_id().clone(),
            open.agent_id.clone(),
            agent_user_id.clone(),
        );
        let participants = participants.with_bookings(open.booking_id.clone());
        self.check(actor, ParticipantAction::Open, &participants, OPENING)
            .await?;
        let plan = self.plan(HostOpen {
            client_id: actor.user_id().clone(),
            agent_id: open.agent_id.clone(),
            agent_user_id,
            booking_id: open.booking_id.clone(),
        });
        let Opened { id, created, .. } = self.open_prepared(&plan).await?;
        let summary = self
            .store()
            .find_summary(id)
            .await
            .map_err(|error| Error::store(error, OPENING))?;
        let summary = found(summary, OPENING)?;
        let query = ProfileQuery::default().with_summary(&summary);
        let viewer = self.viewer(actor, &summary.conversation);
        let (profiles, viewer) = join(self.profiles(&query), viewer).await;
        Ok(OpenedConversation {
            conversation: ConversationView::new(summary, viewer, &profiles),
            created,
        })
    }

    /// Plans an opening that the host vouches for, to be carried out by the store inside the host's own
    /// transaction or by [`open_prepared`](Self::open_prepared). No I/O.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) when the client answers for the agent themselves.
    pub fn prepare_open(&self, open: HostOpen) -> Result<PreparedOpen, Error> {
        let plan = self.plan(open);
        not_oneself(&plan)?;
        Ok(plan)
    }

    /// Carries out a plan: opens the conversation or finds it, and links the booking.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) when the client answers for the agent themselves;
    /// [`Unavailable`](ErrorKind::Unavailable) when the store is.
    #[instrument(level = "debug", skip_all, fields(client_id = %plan.client_id, agent_id = %plan.agent_id))]
    pub async fn open_prepared(&self, plan: &PreparedOpen) -> Result<Opened, Error> {
        not_oneself(plan)?;
        let opened = attempt(OPENING, || async {
            unless_lost(self.store().open(plan, self.publisher()).await, OPENING)
        });
        let opened = opened.await?;
        telemetry::opened(if opened.created {
            OpenOutcome::Created
        } else {
            OpenOutcome::Found
        });
        self.hand_over(opened.lane.clone(), None, Profiles::default());
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
    /// [`Unavailable`](ErrorKind::Unavailable), [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it, which changes
    /// nothing once it is done.
    #[instrument(level = "debug", skip_all, fields(%conversation_id, %booking_id))]
    pub async fn unlink_booking(
        &self,
        conversation_id: ConversationId,
        booking_id: &BookingId,
    ) -> Result<bool, Error> {
        let change = Change::Unlink(booking_id.clone());
        let unlinked = attempt(UNLINKING, || async {
            let Some(conversation) = self.stored(conversation_id, UNLINKING).await? else {
                return Ok(Some(false));
            };
            Ok(match self.apply_change(&conversation, &change).await? {
                Some(Changed::Done { .. }) => Some(true),
                Some(Changed::AlreadySo) => Some(false),
                Some(Changed::Conflict) | None => None,
            })
        });
        unlinked.await
    }

    fn plan(&self, open: HostOpen) -> PreparedOpen {
        let now = self.now();
        let bucket = Bucket::of_client(&open.client_id);
        PreparedOpen {
            id: ConversationId::new(bucket.put_in(self.0.ids.new_id(now))),
            client_id: open.client_id,
            agent_id: open.agent_id,
            agent_user_id: open.agent_user_id,
            booking_id: open.booking_id,
            now,
        }
    }

    /// A fact from the directory; opening fails where it cannot be had in time.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, HostError>> + Send) -> Result<T, Error> {
        let answer = self.0.host.require(HostPart::Directory, question).await;
        answer.map_err(|error| Error::host(error, OPENING))
    }
}

fn not_oneself(plan: &PreparedOpen) -> Result<(), Error> {
    if plan.client_id == plan.agent_user_id {
        Err(Error::refused(Refusal::Forbidden, OPENING))
    } else {
        Ok(())
    }
}
