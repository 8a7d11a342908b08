//! The contents of a digest e-mail.

use crate::{
    domain::{message::Message, shown::Shown, side::Side},
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
        let hidden = (of - shown.len()) as u64;
        let conversations = shown.iter().map(|excerpt| conversation(excerpt, profiles));
        let name = profiles.user(&self.user_id).name;
        let digest = Digest::new(id, self.user_id, email, at, conversations.collect())
            .with_name(name)
            .with_contact(contact)
            .with_messages(messages)
            .with_more_conversations(hidden);
        Some(digest)
    }
}

fn conversation(excerpt: &Excerpt, profiles: &Profiles) -> DigestConversation {
    let booking = excerpt.booking_id.clone();
    let booking = booking.map(|id| DigestBooking::new(id.clone(), profiles.booking(&id)));
    let first = excerpt.first.iter().map(message).collect();
    DigestConversation::new(excerpt.conversation.id, excerpt.extent.side, first)
        .with_from(excerpt.conversation.shown_to(excerpt.extent.side, profiles))
        .with_booking(booking)
        .with_messages(excerpt.messages)
}

fn message(message: &Message) -> DigestMessage {
    DigestMessage::new(message.origin.clone(), Shown::of(message), message.created_at)
}
