//! The variables of a template.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use messaging_core::{
    Timestamp,
    domain::message::Origin,
    transport::mailer::{Digest, DigestBooking, DigestConversation, DigestMessage},
};
use serde::Serialize;

use crate::{
    links::{Links, is_link},
    text::{excerpt, label},
};

/// The variables of a template; documented in [`DigestTemplates`](crate::DigestTemplates).
#[derive(Debug, Serialize)]
pub(crate) struct View {
    name: String,
    host: String,
    messages: u64,
    conversations: Vec<ConversationView>,
    more_conversations: u64,
    unsubscribe: Option<String>,
    answers_are_read: bool,
}

/// The handling of replies to an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replies {
    /// Replies go to an address of the host.
    Read,
    /// Replies are not read.
    Ignored,
}

#[derive(Debug, Serialize)]
struct ConversationView {
    from: String,
    is_from_host: bool,
    booking: Option<BookingView>,
    messages: u64,
    first: Vec<MessageView>,
    more: u64,
    link: String,
}

#[derive(Debug, Serialize)]
struct BookingView {
    number: String,
    title: String,
}

#[derive(Debug, Serialize)]
struct MessageView {
    is_system: bool,
    text: String,
    at: String,
    at_iso: String,
}

/// A link of the host is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a link in an e-mail must be an http or https URL without spaces, quotes or brackets; check `Links`")]
pub(crate) struct InvalidLink;

impl View {
    pub(crate) fn new(
        digest: &Digest,
        host: &str,
        links: &dyn Links,
        replies: Replies,
    ) -> Result<Self, InvalidLink> {
        let zone = digest.contact.time_zone.as_deref();
        let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let conversation_view = |conversation| self::conversation(digest, conversation, zone, links);
        Ok(Self {
            name: label(&digest.name),
            host: label(host),
            messages: digest.messages,
            conversations: digest
                .conversations
                .iter()
                .map(conversation_view)
                .collect::<Result<_, _>>()?,
            more_conversations: digest.more_conversations,
            unsubscribe: unsubscribe(digest, links)?,
            answers_are_read: replies == Replies::Read,
        })
    }
}

pub(crate) fn unsubscribe(digest: &Digest, links: &dyn Links) -> Result<Option<String>, InvalidLink> {
    links.unsubscribe(digest).map(validate_link).transpose()
}

fn validate_link(link: String) -> Result<String, InvalidLink> {
    if is_link(&link) {
        Ok(link)
    } else {
        Err(InvalidLink)
    }
}

fn conversation(
    digest: &Digest,
    conversation: &DigestConversation,
    zone: Tz,
    links: &dyn Links,
) -> Result<ConversationView, InvalidLink> {
    Ok(ConversationView {
        from: label(&conversation.from),
        is_from_host: conversation.is_from_host(),
        booking: conversation.booking.as_ref().and_then(booking),
        messages: conversation.messages,
        first: conversation
            .first
            .iter()
            .map(|message| self::message(message, zone))
            .collect(),
        more: conversation
            .messages
            .saturating_sub(conversation.first.len() as u64),
        link: validate_link(links.conversation(digest, conversation))?,
    })
}

/// The booking, if the directory knows its number.
fn booking(booking: &DigestBooking) -> Option<BookingView> {
    let (number, title) = (label(&booking.profile.number), label(&booking.profile.title));
    (!number.is_empty()).then_some(BookingView { number, title })
}

fn message(message: &DigestMessage, zone: Tz) -> MessageView {
    MessageView {
        is_system: matches!(message.origin, Origin::System { .. }),
        text: excerpt(message.text.as_str()),
        at: at(message.sent_at, zone, |at| {
            at.format("%-d %b %Y, %H:%M %Z").to_string()
        }),
        at_iso: at(message.sent_at, zone, |at| {
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        }),
    }
}

fn at(at: Timestamp, zone: Tz, show: impl Fn(DateTime<Tz>) -> String) -> String {
    show(DateTime::<Utc>::from(at).with_timezone(&zone))
}
