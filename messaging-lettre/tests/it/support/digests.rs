//! Sample digests and links.

use messaging_core::{
    Body, BookingId, ConversationId, DigestId, Timestamp, UserId,
    domain::{
        message::Origin,
        side::{Recipients, Side},
    },
    host::directory::{BookingProfile, Contact},
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

pub(crate) fn conversation(from: &str, texts: &[&str], messages: u64) -> DigestConversation {
    let message = |(text, nth): (&&str, i64)| DigestMessage {
        origin: Origin::User {
            side: Side::Agent,
            user_id: UserId::parse("ada").expect("an id"),
        },
        body: Body::from_stored((*text).to_owned()),
        sent_at: Timestamp::from_millis(1_767_323_040_000 + nth * 60_000),
    };
    DigestConversation {
        conversation_id: ConversationId::parse("0190163d-8694-739b-aea5-966c26f8ad91").expect("an id"),
        side: Side::Client,
        from: from.to_owned(),
        booking: Some(DigestBooking {
            id: BookingId::parse("b-1").expect("an id"),
            profile: BookingProfile {
                number: "BK-042".to_owned(),
                title: "Hut to hut".to_owned(),
            },
        }),
        messages,
        first: texts.iter().zip(0..).map(message).collect(),
    }
}

pub(crate) fn digest(conversations: Vec<DigestConversation>) -> Digest {
    Digest {
        id: DigestId::parse("0190163d-8694-739b-aea5-966c26f8ad92").expect("an id"),
        user_id: UserId::parse("carl").expect("an id"),
        name: "Carl Client".to_owned(),
        email: "carl@example.com".to_owned(),
        contact: Contact::at("carl@example.com").with_time_zone("Europe/Zurich"),
        at: Timestamp::from_millis(1_767_324_840_000),
        messages: conversations.iter().map(|one| one.messages).sum(),
        conversations,
        more_conversations: 0,
    }
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
    alpine.first.push(DigestMessage {
        origin: Origin::System { to: Recipients::Both },
        body: Body::from_stored("Booking confirmed".to_owned()),
        sent_at: Timestamp::from_millis(1_767_324_000_000),
    });
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
