use crate::{
    actor::Actor,
    domain::{
        conversation::{Conversation, ConversationSummary},
        receipt::MessageRow,
        shown::Shown,
        side::{PerSide, Side},
        unread::UnreadCounter,
    },
    event::MessagePayload,
    host::directory::{AgentProfile, BookingProfile, Profiles, UserProfile},
    id::{BookingId, ConversationId, MessageId},
    policy,
    time::Timestamp,
};

/// A conversation as one viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationView {
    /// The conversation, its newest booking and its newest message.
    pub summary: ConversationSummary,
    /// The viewer's side; `None` for an admin who takes no part.
    pub side: Option<Side>,
    /// The client, as shown.
    pub client: UserProfile,
    /// The agent, as shown.
    pub agent: AgentProfile,
    /// The newest booking, as shown; blank when there is none.
    pub booking: BookingProfile,
    /// The text of the newest message, as shown; `None` without a message.
    pub last_text: Option<Shown>,
    can_send: bool,
}

/// How an actor stands to a conversation.
#[derive(Debug, Clone, Copy)]
pub(in crate::use_case) struct Viewer {
    /// The actor's side; `None` where they take no part.
    pub(in crate::use_case) side: Option<Side>,
    /// Whether their messages would be accepted.
    pub(in crate::use_case) can_send: bool,
}

impl Viewer {
    /// By our rules alone.
    pub(in crate::use_case) fn by_our_rules(actor: &Actor, conversation: &Conversation) -> Self {
        let side = conversation.side_of(actor.user_id());
        Self {
            side,
            can_send: side.is_some_and(|side| policy::may_write(conversation, side).is_ok()),
        }
    }
}

impl ConversationView {
    pub(in crate::use_case) fn new(
        summary: ConversationSummary,
        viewer: Viewer,
        profiles: &Profiles,
    ) -> Self {
        Self {
            client: profiles.user(&summary.conversation.client_id),
            agent: profiles.agent(&summary.conversation.agent_id),
            booking: summary
                .booking_id
                .as_ref()
                .map_or_else(Default::default, |id| profiles.booking(id)),
            last_text: summary.last_message.as_ref().map(Shown::of),
            summary,
            side: viewer.side,
            can_send: viewer.can_send,
        }
    }

    /// The conversation's id.
    pub fn id(&self) -> ConversationId {
        self.summary.conversation.id
    }

    /// Whether the viewer's messages would be accepted: by our rules and by the host's
    /// [policy](crate::host::access::AccessPolicy::check_send_many), where that has answered.
    pub fn can_send(&self) -> bool {
        self.can_send
    }

    /// How many messages the viewer has not read; 0 for an admin who takes no part.
    pub fn unread_count(&self) -> u64 {
        self.counter().map_or(0, UnreadCounter::unread)
    }

    /// Grows with every change of the unread count; 0 for an admin who takes no part.
    pub fn unread_version(&self) -> u64 {
        self.counter().map_or(0, UnreadCounter::version)
    }

    fn counter(&self) -> Option<&UnreadCounter> {
        self.side.map(|side| self.summary.conversation.counters.of(side))
    }
}

/// A conversation with what only its own page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationDetails {
    /// The conversation.
    pub view: ConversationView,
    /// Every booking linked to it, the newest link first.
    pub bookings: Vec<(BookingId, BookingProfile)>,
    /// Whether each side is connected; `None` when that is unknown.
    pub online: PerSide<Option<bool>>,
}

/// A message as one viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageView {
    /// The message, and when each side read it.
    pub row: MessageRow,
    /// The text, as shown.
    pub text: Shown,
    /// When the side it was addressed to read it.
    pub read_at: Option<Timestamp>,
    /// Its writer, as shown; blank for the system.
    pub sender: UserProfile,
}

impl MessageView {
    pub(in crate::use_case) fn new(row: MessageRow, viewer: Option<Side>, profiles: &Profiles) -> Self {
        Self {
            text: Shown::of(&row.message),
            read_at: row.read_at(viewer),
            sender: row
                .message
                .origin
                .sender()
                .map_or_else(Default::default, |id| profiles.user(id)),
            row,
        }
    }

    /// The message's id.
    pub fn id(&self) -> MessageId {
        self.row.message.id
    }

    /// The message as it stands in answers and events.
    pub fn into_payload(self) -> MessagePayload {
        MessagePayload::new(&self.row.message, |_| self.sender, self.read_at)
    }
}
