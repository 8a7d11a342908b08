//! The host's access policy: its own rules on top of ours.

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

/// The host's access policy. It is asked after our rules have allowed an action, so it can refuse and never grant.
///
/// It rules on each [`ParticipantAction`]. It is not asked about viewing and listing, which the store's queries decide
/// too, nor about actions of admins.
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
/// A ruling is never cached: each action asks again. Sending, marking as read, blocking and unblocking are applied only
/// if the conversation still has the [access version](Participants::access_version) that the policy was asked about;
/// otherwise the policy is asked again. The host's own data may change between the ruling and the step.
///
/// # Failures
///
/// The time limit of a question is [`directory_timeout`](crate::Options::directory_timeout), 1 second by default. On an
/// error or a time-out, opening, sending and typing return [`Unavailable`](crate::ErrorKind::Unavailable) and store
/// nothing; marking as read, blocking, unblocking and reporting are allowed, and a warning is logged. Both count in
/// `messaging_host_failures_total`. See [`check_send_many`](Self::check_send_many) for views.
///
/// # Costs
///
/// Each question about a conversation needs one more statement of the store, for its bookings: a send takes 2
/// statements instead of 1. The policy is asked about a send again if the conversation has changed meanwhile, and
/// before a refusal that is based on the process's cached conversation. A page of a list, a page of a history and an
/// opened conversation each need one question to [`check_send_many`](Self::check_send_many) and one more statement; a
/// view of one conversation with all its bookings needs the question alone.
#[async_trait]
pub trait AccessPolicy: Send + Sync {
    /// Whether the actor may perform the action.
    ///
    /// # Errors
    /// A [`HostError`] if the host cannot decide; see [Failures](#failures).
    async fn check(
        &self,
        actor: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError>;

    /// Whether the actor may send in each of these conversations: one ruling for each, in the same order. The rulings
    /// decide [`can_send`](crate::ConversationView::can_send) in one response, for the conversations in which our rules
    /// let the actor send. By default calls [`check`](Self::check) for each, one after the other within the time limit
    /// of one question; a policy that asks a database should answer all of them with one query.
    ///
    /// # Errors
    /// A [`HostError`] if the host cannot decide. On an error, a time-out, or a wrong number of rulings, `can_send`
    /// follows our rules alone, and a warning is logged.
    async fn check_send_many(&self, actor: &Actor, on: &[Participants]) -> Result<Vec<Ruling>, HostError> {
        let mut rulings = Vec::with_capacity(on.len());
        for participants in on {
            rulings.push(self.check(actor, ParticipantAction::Send, participants).await?);
        }
        Ok(rulings)
    }
}

/// An action of a participant, about which the host's policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParticipantAction {
    /// Opening the conversation with an agent, including an existing one.
    Open,
    /// Sending a message.
    Send,
    /// Marking messages as read.
    MarkRead,
    /// Notifying the other side that the actor is typing or has stopped.
    Typing,
    /// Refusing the other side's messages.
    Block,
    /// Accepting the other side's messages again.
    Unblock,
    /// Reporting the conversation to the staff.
    Report,
}

/// The effect of a missing answer on an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutAnswer {
    /// The action fails, and can be retried.
    Unavailable,
    /// The action is allowed.
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

    /// The effect of a missing answer. Actions with an effect on the other side need an answer; actions that protect
    /// the actor or only count do not.
    pub(crate) const fn without_answer(self) -> WithoutAnswer {
        match self {
            Self::Open | Self::Send | Self::Typing => WithoutAnswer::Unavailable,
            Self::MarkRead | Self::Block | Self::Unblock | Self::Report => WithoutAnswer::Pass,
        }
    }
}

/// The host's ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ruling {
    /// The action is allowed.
    Allow,
    /// The action is refused: the caller gets [`Forbidden`](crate::ErrorKind::Forbidden) with the host's message.
    Refuse {
        /// A sentence for the refused user.
        message: String,
    },
}

impl Ruling {
    /// A refusal with a sentence for the refused user.
    pub fn refuse(message: impl Into<String>) -> Self {
        Self::Refuse {
            message: message.into(),
        }
    }
}

/// The two sides of a conversation and its state, as a policy is asked about them.
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
    /// The linked bookings, the newest link first, at most [`MAX_BOOKINGS`](Self::MAX_BOOKINGS). For opening, the
    /// booking to be linked, which the directory has confirmed.
    pub bookings: Vec<BookingId>,
    /// Which sides have blocked the other.
    pub blocked_by: PerSide<bool>,
    /// Whether the conversation is closed.
    pub closed: bool,
    /// Raised by every change of who may write, and by every booking that is linked or unlinked; 0 for opening. The
    /// bookings are as of this version or a newer one.
    pub access_version: u32,
}

impl Participants {
    /// The maximum number of bookings that a policy is given.
    pub const MAX_BOOKINGS: usize = 20;

    /// A client and an agent who open a conversation without a booking. For tests of a policy, which set the other
    /// fields as needed.
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

    /// Sets the bookings, of which the first [`MAX_BOOKINGS`](Self::MAX_BOOKINGS) are kept.
    pub fn with_bookings(self, bookings: impl IntoIterator<Item = BookingId>) -> Self {
        Self {
            bookings: bookings.into_iter().take(Self::MAX_BOOKINGS).collect(),
            ..self
        }
    }

    /// The side of a user; `None` for a user who does not take part.
    pub fn side_of(&self, user_id: &UserId) -> Option<Side> {
        match user_id {
            client if *client == self.client_id => Some(Side::Client),
            agent if *agent == self.agent_user_id => Some(Side::Agent),
            _ => None,
        }
    }
}

/// The participants of a conversation, without its bookings.
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
