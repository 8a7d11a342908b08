//! The access rules: one pure, total function from an actor and an action to a decision.

use crate::{
    actor::{Actor, Role},
    domain::{
        conversation::{Conversation, Status},
        erasure::erased_user,
        message::{Message, Origin},
        report::Report,
        side::Side,
    },
    host::access::ParticipantAction,
    id::UserId,
};

/// An action that an actor requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Open the conversation with an agent.
    Open {
        /// The user who answers for the agent; `None` if unknown.
        agent_user_id: Option<&'a UserId>,
    },
    /// View one conversation.
    See,
    /// Read its messages.
    ReadHistory,
    /// Send a message.
    Send,
    /// Mark messages as read.
    MarkRead,
    /// Notify the other side of typing.
    Typing,
    /// Refuse the other side's messages.
    Block,
    /// Accept the other side's messages again.
    Unblock,
    /// Report the conversation to the host's staff.
    Report,
    /// Stop both sides from writing.
    Close,
    /// Let the participants write again.
    Reopen,
    /// List reports, or read and resolve this one.
    Moderate(Option<&'a Report>),
    /// Read the audit log.
    ReadAudit,
    /// Read the activity.
    ReadActivity,
    /// Subscribe to the conversation's channel.
    Subscribe,
    /// Subscribe to the conversation's presence channel.
    SubscribePresence,
    /// Subscribe to this user's channel.
    SubscribeUser(&'a UserId),
}

impl Action<'_> {
    /// The action that the host's policy rules on; `None` if the policy is not asked. Viewing and listing are also
    /// decided inside the store's queries, and actions of admins are the host's own. Opening concerns no conversation:
    /// its use case asks the policy itself.
    pub(crate) const fn of_participant(self) -> Option<ParticipantAction> {
        match self {
            Self::Send => Some(ParticipantAction::Send),
            Self::MarkRead => Some(ParticipantAction::MarkRead),
            Self::Typing => Some(ParticipantAction::Typing),
            Self::Block => Some(ParticipantAction::Block),
            Self::Unblock => Some(ParticipantAction::Unblock),
            Self::Report => Some(ParticipantAction::Report),
            Self::Open { .. }
            | Self::See
            | Self::ReadHistory
            | Self::Close
            | Self::Reopen
            | Self::Moderate(_)
            | Self::ReadAudit
            | Self::ReadActivity
            | Self::Subscribe
            | Self::SubscribePresence
            | Self::SubscribeUser(_) => None,
        }
    }
}

/// The decision about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, in this standing.
    Allow(Standing),
    /// Refused, for this reason.
    Refuse(Refusal),
}

/// The standing in which an actor is allowed an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As a participant in the conversation, on that side.
    Participant(Side),
    /// For the actor's own data, where no conversation is concerned.
    Oneself,
    /// As an admin: the action is written to the audit log before the response.
    Audited,
}

impl Standing {
    /// The participant's side; `None` for other standings.
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Participant(side) => Some(side),
            Self::Oneself | Self::Audited => None,
        }
    }
}

/// The reason of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The conversation does not exist, or the actor must not learn that it exists.
    NotFound,
    /// The actor may know of the conversation, but not perform the action.
    Forbidden,
    /// The other side has blocked the actor's messages.
    Blocked,
    /// The conversation is closed.
    Closed,
}

/// Decides about an action. `on` is the conversation; `None` if no conversation has the id, or the action concerns
/// none. An actor without access gets the same decision for an existing conversation as for `None`.
pub fn decide(actor: &Actor, action: Action<'_>, on: Option<&Conversation>) -> Decision {
    use Decision::{Allow, Refuse};
    use Standing::{Audited, Oneself, Participant};

    let side = on.and_then(|conversation| conversation.side_of(actor.user_id()));
    match action {
        Action::Open { agent_user_id } => match actor.role() {
            Role::Client if agent_user_id != Some(actor.user_id()) => Allow(Oneself),
            Role::Client | Role::Agent { .. } | Role::Admin => Refuse(Refusal::Forbidden),
        },
        Action::See | Action::ReadHistory => match (side, on) {
            (Some(side), _) => Allow(Participant(side)),
            (None, Some(_)) if actor.is_admin() => Allow(Audited),
            (None, _) => Refuse(Refusal::NotFound),
        },
        Action::Send | Action::Typing => match (side, on) {
            (Some(side), Some(conversation)) => match may_write(conversation, side) {
                Ok(()) => Allow(Participant(side)),
                Err(refusal) => Refuse(refusal),
            },
            (None, on) => Refuse(outsider(actor, on)),
            (Some(_), None) => Refuse(Refusal::NotFound),
        },
        Action::MarkRead | Action::Block | Action::Unblock | Action::Report => match side {
            Some(side) => Allow(Participant(side)),
            None => Refuse(outsider(actor, on)),
        },
        Action::Moderate(report) => {
            let is_concerned = report.is_some_and(|report| report.concerns(actor.user_id()));
            if actor.is_admin() && !is_concerned {
                Allow(Audited)
            } else {
                Refuse(Refusal::Forbidden)
            }
        }
        Action::ReadAudit | Action::ReadActivity if actor.is_admin() => Allow(Audited),
        Action::Close | Action::Reopen => match (actor.is_admin(), side, on) {
            (true, None, Some(_)) => Allow(Audited),
            (true, None, None) => Refuse(Refusal::NotFound),
            (_, Some(_), _) | (false, _, _) => Refuse(Refusal::Forbidden),
        },
        Action::Subscribe => match side {
            Some(side) => Allow(Participant(side)),
            None => Refuse(Refusal::Forbidden),
        },
        Action::SubscribePresence => match (side, on) {
            (Some(side), Some(conversation)) if shows_presence(conversation, side) => {
                Allow(Participant(side))
            }
            _ => Refuse(Refusal::Forbidden),
        },
        Action::SubscribeUser(user_id) if user_id == actor.user_id() => Allow(Oneself),
        Action::ReadAudit | Action::ReadActivity | Action::SubscribeUser(_) => Refuse(Refusal::Forbidden),
    }
}

/// Whether a side may write.
///
/// # Errors
/// [`Refusal::Closed`] before [`Refusal::Blocked`]. A side that blocks the other may still write.
pub fn may_write(conversation: &Conversation, side: Side) -> Result<(), Refusal> {
    match conversation.status() {
        Status::Closed => Err(Refusal::Closed),
        Status::Blocked if *conversation.blocked_by.of(side.other()) => Err(Refusal::Blocked),
        Status::Blocked | Status::Open => Ok(()),
    }
}

/// Whether a side sees the other side's presence: not while the other side blocks it.
pub fn shows_presence(conversation: &Conversation, to: Side) -> bool {
    !*conversation.blocked_by.of(to.other())
}

/// Whether a side may be mailed or pushed about a message that it has not read.
///
/// A message of the host may be, if it is addressed to the side. A user's message may not if the side blocks the other,
/// the conversation is closed, or the sender has been erased. Checked when a digest is composed, again directly before
/// it is sent, and directly before a push. It changes no count: the message stays unread.
pub fn may_notify(conversation: &Conversation, side: Side, message: &Message) -> bool {
    let is_new = message.origin.addresses(side)
        && *message.positions.of(side) > conversation.counters.of(side).read
        && *conversation.user(side) != erased_user(conversation.id, side);
    is_new
        && match &message.origin {
            Origin::System { .. } => true,
            Origin::User { side: from, user_id } => {
                !*conversation.blocked_by.of(side)
                    && !conversation.closed
                    && *user_id != erased_user(conversation.id, *from)
            }
        }
}

/// The refusal of an actor who does not take part: only an admin learns that the conversation exists.
fn outsider(actor: &Actor, on: Option<&Conversation>) -> Refusal {
    if actor.is_admin() && on.is_some() {
        Refusal::Forbidden
    } else {
        Refusal::NotFound
    }
}
