//! What an e-mail says.

use crate::{
    domain::{
        message::{Message, Origin},
        side::Side,
    },
    id::{DigestId, UserId},
    port::{
        directory::{Contact, ProfileQuery, Profiles},
        mailer::{Digest, DigestBooking, DigestConversation, DigestMessage},
        store::Excerpt,
    },
    time::Timestamp,
};

/// An e-mail without names.
pub(super) struct Draft {
    user_id: UserId,
    messages: u64,
    /// Those it shows, the longest waiting first.
    shown: Vec<Excerpt>,
    more_conversations: u64,
}

impl Draft {
    /// Of excerpts that each have a message.
    pub(super) fn new(user_id: &UserId, mut excerpts: Vec<Excerpt>, shown: usize) -> Self {
        excerpts.sort_by_key(|excerpt| (excerpt.oldest(), excerpt.extent));
        let messages = excerpts.iter().map(Excerpt::messages).sum();
        let rest = excerpts.split_off(shown.min(excerpts.len()));
        Self {
            user_id: user_id.clone(),
            messages,
            shown: excerpts,
            more_conversations: rest.len() as u64,
        }
    }

    /// Whose names it needs.
    pub(super) fn query(&self) -> ProfileQuery {
        let mut query = ProfileQuery::default();
        query.users.insert(self.user_id.clone());
        for excerpt in &self.shown {
            match excerpt.extent.side {
                Side::Client => query.agents.insert(excerpt.conversation.agent_id.clone()),
                Side::Agent => query.users.insert(excerpt.conversation.client_id.clone()),
            };
            query.bookings.extend(excerpt.booking_id.clone());
        }
        query
    }

    pub(super) fn finish(
        self,
        id: DigestId,
        email: String,
        contact: Contact,
        at: Timestamp,
        profiles: &Profiles,
    ) -> Digest {
        let conversation = |excerpt: &Excerpt| conversation(excerpt, profiles);
        Digest {
            id,
            name: profiles.user(&self.user_id).name,
            email,
            contact,
            at,
            messages: self.messages,
            conversations: self.shown.iter().map(conversation).collect(),
            more_conversations: self.more_conversations,
            user_id: self.user_id,
        }
    }
}

fn conversation(excerpt: &Excerpt, profiles: &Profiles) -> DigestConversation {
    let booking = excerpt.booking_id.as_ref().map(|id| DigestBooking {
        id: id.clone(),
        profile: profiles.booking(id),
    });
    DigestConversation {
        conversation_id: excerpt.conversation.id,
        side: excerpt.extent.side,
        from: excerpt.conversation.shown_to(excerpt.extent.side, profiles),
        booking,
        messages: excerpt.messages(),
        first: excerpt.first.iter().map(message).collect(),
    }
}

fn message(message: &Message) -> DigestMessage {
    let origin: Origin = message.origin.clone();
    DigestMessage {
        origin,
        body: message.body.clone(),
        sent_at: message.created_at,
    }
}
