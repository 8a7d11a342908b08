//! What a template is given.

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

/// A digest as a template sees it; what each field means is said at
/// [`DigestTemplates`](crate::DigestTemplates).
#[derive(Debug, Serialize)]
pub(crate) struct View {
    name: String,
    messages: u64,
    conversations: Vec<ConversationView>,
    more_conversations: u64,
    unsubscribe: Option<String>,
    answers_are_read: bool,
}

/// What becomes of an answer to an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It arrives at an address of the host's.
    Read,
    /// It arrives nowhere.
    NotRead,
}

#[derive(Debug, Serialize)]
struct ConversationView {
    from: String,
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

/// A link that the host composed cannot stand in an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a link in an e-mail must be a URL of http or https, without blanks, quotes or brackets")]
pub(crate) struct BadLink;

impl View {
    pub(crate) fn new(digest: &Digest, links: &dyn Links, answers: Answers) -> Result<Self, BadLink> {
        let zone = digest.contact.time_zone.as_deref();
        let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let conversation = |one| conversation(digest, one, zone, links);
        Ok(Self {
            name: label(&digest.name),
            messages: digest.messages,
            conversations: digest
                .conversations
                .iter()
                .map(conversation)
                .collect::<Result<_, _>>()?,
            more_conversations: digest.more_conversations,
            unsubscribe: unsubscribe(digest, links)?,
            answers_are_read: answers == Answers::Read,
        })
    }
}

pub(crate) fn unsubscribe(digest: &Digest, links: &dyn Links) -> Result<Option<String>, BadLink> {
    links.unsubscribe(digest).map(checked).transpose()
}

fn checked(link: String) -> Result<String, BadLink> {
    if is_link(&link) { Ok(link) } else { Err(BadLink) }
}

fn conversation(
    digest: &Digest,
    one: &DigestConversation,
    zone: Tz,
    links: &dyn Links,
) -> Result<ConversationView, BadLink> {
    Ok(ConversationView {
        from: label(&one.from),
        booking: one.booking.as_ref().and_then(booking),
        messages: one.messages,
        first: one
            .first
            .iter()
            .map(|message| self::message(message, zone))
            .collect(),
        more: one.messages.saturating_sub(one.first.len() as u64),
        link: checked(links.conversation(digest, one))?,
    })
}

/// A booking of which the directory says something.
fn booking(booking: &DigestBooking) -> Option<BookingView> {
    let (number, title) = (label(&booking.profile.number), label(&booking.profile.tour_title));
    (!number.is_empty()).then_some(BookingView { number, title })
}

fn message(message: &DigestMessage, zone: Tz) -> MessageView {
    MessageView {
        is_system: matches!(message.origin, Origin::System { .. }),
        text: excerpt(message.body.as_str()),
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
