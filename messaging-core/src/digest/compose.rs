//! The contents of a digest e-mail.

use crate::{
    domain::{
        message::{Message, Origin},
        side::Side,
    },
    host::directory::{Contact, ProfileQuery, Profiles},
    id::{DigestId, UserId},
    store::Excerpt,
    time::Timestamp,
    transport::mailer::{Digest, DigestBooking, DigestConversation, DigestMessage},
};

/// The conversations that an e-mail may show, kept so that their names are looked up before the final check.
pub(super) struct Draft {
    user_id: UserId,
    /// The conversations shown, the longest waiting first.
    shown: Vec<Excerpt>,
}

impl Draft {
    /// Creates a draft of excerpts, each of which has a message.
    pub(super) fn new(user_id: &UserId, mut excerpts: Vec<Excerpt>, shown: usize) -> Self {
        excerpts.sort_by_key(|excerpt| (excerpt.oldest(), excerpt.extent));
        excerpts.truncate(shown);
        Self {
            user_id: user_id.clone(),
            shown: excerpts,
        }
    }

    /// The names that the e-mail needs.
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

    /// Composes the e-mail from the excerpts of the final check; `None` when none of the draft's conversations is among
    /// them.
    pub(super) fn finish(
        self,
        id: DigestId,
        email: String,
        contact: Contact,
        at: Timestamp,
        profiles: &Profiles,
        excerpts: Vec<Excerpt>,
    ) -> Option<Digest> {
        let messages = excerpts.iter().map(|excerpt| excerpt.messages).sum();
        let of = excerpts.len();
        let is_named = |excerpt: &Excerpt| self.shown.iter().any(|one| one.extent == excerpt.extent);
        let mut shown: Vec<_> = excerpts.into_iter().filter(is_named).collect();
        shown.sort_by_key(|excerpt| (excerpt.oldest(), excerpt.extent));
        if shown.is_empty() {
            return None;
        }
        Some(Digest {
            id,
            name: profiles.user(&self.user_id).name,
            email,
            contact,
            at,
            messages,
            conversations: shown
                .iter()
                .map(|excerpt| conversation(excerpt, profiles))
                .collect(),
            more_conversations: (of - shown.len()) as u64,
            user_id: self.user_id,
        })
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
        messages: excerpt.messages,
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
