//! Sample digests and links.

use messaging_core::{
    BookingId, ConversationId, Timestamp, UserId,
    domain::{
        message::Origin,
        shown::Shown,
        side::{Recipients, Side},
    },
    host::directory::{BookingProfile, Contact},
    id::DigestId,
    transport::mailer::{Digest, DigestBooking, DigestConversation, DigestMessage},
};
use messaging_lettre::Links;

pub(crate) struct Pages;

impl Links for Pages {
    fn conversation(&self, _: &Digest, of: &DigestConversation) -> String {
        format!("https://tours.example/messages/{}", of.conversation_id)
    }

    fn unsubscribe(&self, digest: &Digest) -> Option<String> {
        Some(format!("https://tours.example/off?user={}", digest.user_id))
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn message_of_agent(text: &str, sent_at: Timestamp) -> DigestMessage {
    let user_id = UserId::parse("ada").expect("an id");
    let side = Side::Agent;
    DigestMessage::new(Origin::user(side, user_id), Shown::verbatim(text), sent_at)
}

pub(crate) fn message_of_host(text: &str) -> DigestMessage {
    let origin = Origin::system(Recipients::Both);
    DigestMessage::new(origin, Shown::verbatim(text), at(1_767_324_000_000))
}

pub(crate) fn conversation(from: &str, texts: &[&str], messages: u64) -> DigestConversation {
    let message = |(text, nth): (&&str, i64)| message_of_agent(text, at(1_767_323_040_000 + nth * 60_000));
    let id = ConversationId::parse("0190163d-8694-739b-aea5-966c26f8ad91").expect("an id");
    let profile = BookingProfile {
        number: "BK-042".to_owned(),
        title: "Hut to hut".to_owned(),
    };
    let booking = DigestBooking::new(BookingId::parse("b-1").expect("an id"), profile);
    DigestConversation::new(id, Side::Client, texts.iter().zip(0..).map(message).collect())
        .with_from(from.to_owned())
        .with_booking(Some(booking))
        .with_messages(messages)
}

pub(crate) fn digest(conversations: Vec<DigestConversation>) -> Digest {
    let id = DigestId::parse("0190163d-8694-739b-aea5-966c26f8ad92").expect("an id");
    let (user_id, email) = (UserId::parse("carl").expect("an id"), "carl@example.com");
    Digest::new(
        id,
        user_id,
        email.to_owned(),
        at(1_767_324_840_000),
        conversations,
    )
    .with_name("Carl Client".to_owned())
    .with_contact(Contact::at(email).with_time_zone("Europe/Zurich"))
}

/// A digest with several conversations, senders and kinds of text.
pub(crate) fn sample_digest() -> Digest {
    let mut alpine = conversation(
        "Alpine Trails",
        &[
            "Hello Carl, the hut is open from 20 May. Shall I keep two beds for you?",
            "One more thing: there is still snow on the pass, please bring poles.\n\nAda",
        ],
        5,
    );
    alpine.first.push(message_of_host("Booking confirmed"));
    let mut lake = conversation(
        "Lake & Sail <Lugano>",
        &["مرحبا! The boat leaves at 9 ⛵️ — don't be late 🙂"],
        1,
    );
    lake.booking = None;
    let mut digest = digest(vec![alpine, lake]);
    digest.more_conversations = 2;
    digest.messages += 4;
    digest
}
