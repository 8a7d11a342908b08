//! The host's access policy: its own rules on who may do what.

use async_trait::async_trait;

use super::HostError;
use crate::{
    actor::Actor,
    domain::{
        conversation::Conversation,
        side::{PerSide, Side},
    },
    id::{AgentId, BookingId, ConversationId, UserId},
};

/// Rules of the host on top of ours. A policy is asked after our rules have allowed an action: it can refuse, never
/// grant.
///
/// It is asked about each [`ParticipantAction`], and has no say in seeing and listing, which the store's queries decide
/// too, nor in what an admin does.
///
/// ```
/// use async_trait::async_trait;
/// use messaging_core::{
///     Actor,
///     host::{HostError, access::{AccessPolicy, ParticipantAction, Participants, Ruling}},
/// };
/// # use messaging_core::BookingId;
/// # struct Orders;
/// # impl Orders {
/// #     async fn any_within_days(&self, ids: &[BookingId], _: u32) -> std::io::Result<bool> { Ok(!ids.is_empty()) }
/// # }
///
/// /// A participant may write while an order is at most 30 days old.
/// struct RecentOrders(Orders);
///
/// #[async_trait]
/// impl AccessPolicy for RecentOrders {
///     async fn check(&self, _: &Actor, action: ParticipantAction, on: &Participants) -> Result<Ruling, HostError> {
///         if action != ParticipantAction::Send {
///             return Ok(Ruling::Allow);
///         }
///         // SELECT EXISTS (SELECT FROM orders WHERE id = ANY($1) AND ordered_at > now() - make_interval(days => $2))
///         let is_recent = self.0.any_within_days(&on.bookings, 30).await.map_err(HostError::temporary)?;
///         Ok(if is_recent { Ruling::Allow } else { Ruling::refuse("The order is more than 30 days old.") })
///     }
/// }
/// # futures_util::FutureExt::now_or_never(async {
/// # use messaging_core::{AgentId, Role, UserId};
/// # let carl = UserId::parse("carl").unwrap();
/// # let pair = Participants::new(carl.clone(), AgentId::parse("alpine").unwrap(), UserId::parse("ada").unwrap());
/// # let ordered = pair.clone().with_bookings([BookingId::parse("b-1").unwrap()]);
/// # let (policy, actor) = (RecentOrders(Orders), Actor::new(carl, Role::Client));
/// # let send = ParticipantAction::Send;
/// # assert_eq!(policy.check(&actor, send, &ordered).await.unwrap(), Ruling::Allow);
/// # assert_ne!(policy.check(&actor, send, &pair).await.unwrap(), Ruling::Allow);
/// # }).unwrap();
/// ```
///
/// # Concurrency
///
/// A ruling is never kept: each action is a question. Sending, marking as read, blocking and unblocking are applied only
/// if the conversation still has the [access version](Participants::access_version) of the question; otherwise the policy
/// is asked again. What the host's own data say may change between the ruling and the step.
///
/// # Failures
///
/// A question may take [`directory_timeout`](crate::Options::directory_timeout), 1 second by default. On an error and
/// after that time, opening, sending and typing answer [`Unavailable`](crate::ErrorKind::Unavailable) and store nothing;
/// marking as read, blocking, unblocking and reporting pass, and a warning is logged. Both count in
/// `messaging_host_failures_total`. See [`check_send_many`](Self::check_send_many) for views.
///
/// # Costs
///
/// Each question about a conversation is one more statement of the store, for its bookings: a send is 2 instead of 1. A
/// send is asked about again where the conversation has changed meanwhile, and before it is refused on a conversation that
/// the process only remembers. A page of a list, a page of a history and an opened conversation bring one question to
/// [`check_send_many`](Self::check_send_many), and one more statement; one conversation with all its bookings brings the
/// question alone.
#[async_trait]
pub trait AccessPolicy: Send + Sync {
    /// Whether the actor may do this.
    ///
    /// # Errors
    /// When the host cannot say; see [Failures](#failures).
    async fn check(
        &self,
        actor: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError>;

    /// Whether the actor may send in each of these conversations: one ruling for each, in the same order. Decides
    /// [`can_send`](crate::ConversationView::can_send) of one answer, for those conversations in which our rules let the
    /// actor send. By default, [`check`](Self::check) for each, one after the other within the time limit of one question; a
    /// policy that asks a database answers all of them by one query.
    ///
    /// # Errors
    /// When the host cannot say. Then, after the time limit, and for another number of rulings, `can_send` follows our
    /// rules alone, and a warning is logged.
    async fn check_send_many(&self, actor: &Actor, on: &[Participants]) -> Result<Vec<Ruling>, HostError> {
        let mut rulings = Vec::with_capacity(on.len());
        for participants in on {
            rulings.push(self.check(actor, ParticipantAction::Send, participants).await?);
        }
        Ok(rulings)
    }
}

/// What the host's policy is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParticipantAction {
    /// Opening the conversation with an agent, also one that exists.
    Open,
    /// Sending a message.
    Send,
    /// Marking messages as read.
    MarkRead,
    /// Showing that the actor is typing, or stopped.
    Typing,
    /// Refusing the other side's messages.
    Block,
    /// Accepting them again.
    Unblock,
    /// Reporting the conversation to the staff.
    Report,
}

/// What an action means for a question without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutAnswer {
    /// The action is not taken, and can be tried again.
    Unavailable,
    /// The action is taken.
    Pass,
}

impl ParticipantAction {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Send,
        Self::MarkRead,
        Self::Typing,
        Self::Block,
        Self::Unblock,
        Self::Report,
    ];

    /// What reaches the other side waits for an answer. What protects the actor, or only counts, does not.
    pub(crate) const fn without_answer(self) -> WithoutAnswer {
        match self {
            Self::Open | Self::Send | Self::Typing => WithoutAnswer::Unavailable,
            Self::MarkRead | Self::Block | Self::Unblock | Self::Report => WithoutAnswer::Pass,
        }
    }
}

/// The host's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ruling {
    /// The action is allowed.
    Allow,
    /// The action is refused: the caller gets [`Forbidden`](crate::ErrorKind::Forbidden) with the host's sentence.
    Refuse {
        /// A sentence for the person who is refused.
        message: String,
    },
}

impl Ruling {
    /// A refusal with a sentence for the person who is refused.
    pub fn refuse(message: impl Into<String>) -> Self {
        Self::Refuse {
            message: message.into(),
        }
    }
}

/// The two sides of a conversation and what is between them, as a policy is asked about them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participants {
    /// The conversation; `None` for opening.
    pub conversation_id: Option<ConversationId>,
    /// The client.
    pub client_id: UserId,
    /// The agent.
    pub agent_id: AgentId,
    /// The user who answers for the agent.
    pub agent_user_id: UserId,
    /// The linked bookings, the newest link first: the newest [`MAX_BOOKINGS`](Self::MAX_BOOKINGS). For opening, the
    /// booking that is to be linked, which the directory has confirmed.
    pub bookings: Vec<BookingId>,
    /// Which sides have blocked the other.
    pub blocked_by: PerSide<bool>,
    /// Whether the conversation is closed.
    pub closed: bool,
    /// Raised by every change of who may write, and by every link of a booking that is made or removed; 0 for opening.
    /// The bookings are as of this version, or newer.
    pub access_version: u32,
}

impl Participants {
    /// At most how many bookings a policy is given.
    pub const MAX_BOOKINGS: usize = 20;

    /// A client and an agent who open a conversation, without a booking: for tests of a policy, which set other fields as
    /// they need them.
    pub fn new(client_id: UserId, agent_id: AgentId, agent_user_id: UserId) -> Self {
        Self {
            conversation_id: None,
            client_id,
            agent_id,
            agent_user_id,
            bookings: Vec::new(),
            blocked_by: PerSide::default(),
            closed: false,
            access_version: 0,
        }
    }

    /// With these bookings, of which the first [`MAX_BOOKINGS`](Self::MAX_BOOKINGS) are taken.
    pub fn with_bookings(self, bookings: impl IntoIterator<Item = BookingId>) -> Self {
        Self {
            bookings: bookings.into_iter().take(Self::MAX_BOOKINGS).collect(),
            ..self
        }
    }

    /// The side on which that user stands.
    pub fn side_of(&self, user_id: &UserId) -> Option<Side> {
        match user_id {
            client if *client == self.client_id => Some(Side::Client),
            agent if *agent == self.agent_user_id => Some(Side::Agent),
            _ => None,
        }
    }
}

/// Of a conversation, without its bookings.
impl From<&Conversation> for Participants {
    fn from(conversation: &Conversation) -> Self {
        Self {
            conversation_id: Some(conversation.id),
            client_id: conversation.client_id.clone(),
            agent_id: conversation.agent_id.clone(),
            agent_user_id: conversation.agent_user_id.clone(),
            bookings: Vec::new(),
            blocked_by: conversation.blocked_by,
            closed: conversation.closed,
            access_version: conversation.access_version,
        }
    }
}
