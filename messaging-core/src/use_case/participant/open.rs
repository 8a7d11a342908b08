use futures_util::future::join;

use tracing::instrument;

use super::ConversationView;
use crate::{
    actor::Actor,
    error::{Error, ErrorKind},
    host::HostError,
    host::access::{ParticipantAction, Participants},
    host::directory::{BookingParties, ProfileQuery},
    host::rate_limit::Limited,
    id::{AgentId, BookingId},
    policy::Action,
    store::Opened,
    telemetry::HostPart,
    use_case::{
        Messaging, found,
        operations::{HostOpen, OPENING},
        rulings::by_our_rules,
    },
};

/// The conversation with an agent that a client opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenConversation {
    /// The agent.
    pub agent_id: AgentId,
    /// A booking to link, which must be one of this client with this agent by the directory. Default: `None`.
    pub booking_id: Option<BookingId>,
}

impl OpenConversation {
    /// The conversation with this agent.
    pub const fn new(agent_id: AgentId) -> Self {
        Self {
            agent_id,
            booking_id: None,
        }
    }

    /// With a booking to link.
    pub fn with_booking(self, booking_id: impl Into<Option<BookingId>>) -> Self {
        Self {
            booking_id: booking_id.into(),
            ..self
        }
    }
}

/// The conversation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedConversation {
    /// The conversation.
    pub conversation: ConversationView,
    /// Whether it is new.
    pub created: bool,
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
        self.open_unlimited(actor, open).await
    }

    /// The same outside the actor's rate limit.
    pub(in crate::use_case) async fn open_unlimited(
        &self,
        actor: &Actor,
        open: &OpenConversation,
    ) -> Result<OpenedConversation, Error> {
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
        let plan = self.operations().plan(HostOpen {
            client_id: actor.user_id().clone(),
            agent_id: open.agent_id.clone(),
            agent_user_id,
            booking_id: open.booking_id.clone(),
        });
        let Opened { id, created, .. } = self.operations().open_prepared(&plan).await?;
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

    /// A fact from the directory; opening fails where it cannot be had in time.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, HostError>> + Send) -> Result<T, Error> {
        let answer = self.0.host.require(HostPart::Directory, question).await;
        answer.map_err(|error| Error::host(error, OPENING))
    }
}
