//! Rendering of e-mails, and their language.

use messaging_core::host::directory::Contact;
use messaging_core::{
    transport::TransportErrorKind,
    transport::mailer::DigestMessage,
    transport::mailer::{Digest, DigestConversation},
};
use messaging_lettre::{DigestMail, DigestTemplates, Links, Rendered, Templates};
use proptest::prelude::*;

use crate::support::digests::{Pages, conversation, digest, message_of_host, sample_digest};

#[test]
fn subject_text_and_html_match_the_snapshots() {
    let rendered = Templates::default().render(&sample_digest(), &Pages).unwrap();
    insta::assert_snapshot!("subject", rendered.subject);
    insta::assert_snapshot!("text", rendered.text);
    let body = rendered.html.split_once("<body>").unwrap().1;
    insta::assert_snapshot!("html", body);
}

#[test]
fn a_notice_of_the_host_arrives_under_the_name_of_the_host() {
    let rendered = |messages: Vec<DigestMessage>, host: &str| {
        let mut one = conversation("Ada", &[], 0);
        one.messages = messages.len() as u64;
        one.first = messages;
        let templates = Templates::default().with_host(host);
        templates.render(&digest(vec![one]), &Pages).unwrap()
    };
    let notice = || message_of_host("Booking confirmed");
    let of_agent = || conversation("Ada", &["hi"], 1).first.remove(0);
    let subject = |messages, host| rendered(messages, host).subject;
    assert_eq!(
        subject(vec![notice()], "Tours"),
        "\u{2068}Tours\u{2069} wrote to you"
    );
    assert_eq!(subject(vec![notice()], ""), "Somebody wrote to you");
    assert_eq!(
        subject(vec![notice(), notice()], "Tours"),
        "2 new messages from \u{2068}Tours\u{2069}"
    );
    assert_eq!(
        subject(vec![of_agent(), notice()], "Tours"),
        "2 new messages from \u{2068}Ada\u{2069}"
    );
    let Rendered { text, html, .. } = rendered(vec![notice()], "Tours & <Co>");
    assert!(
        text.contains("(notice from \u{2068}Tours & <Co>\u{2069})"),
        "{text}"
    );
    assert!(html.contains("Tours &amp; &lt;Co&gt;"), "{html}");
}

#[test]
fn a_conversation_with_more_messages_than_are_known_is_not_of_the_host() {
    let mut one = conversation("Ada", &[], 0);
    one.first = vec![message_of_host("Booking confirmed")];
    one.messages = 2;
    assert!(!one.is_from_host());
    let subject = Templates::default()
        .with_host("Tours")
        .render(&digest(vec![one]), &Pages);
    assert_eq!(
        subject.unwrap().subject,
        "2 new messages from \u{2068}Ada\u{2069}"
    );
}

#[test]
fn a_subject_names_the_sender_or_the_number_of_messages() {
    let subject = |digest: &Digest| Templates::default().render(digest, &Pages).unwrap().subject;
    assert_eq!(
        subject(&digest(vec![conversation("Ada", &["hi"], 1)])),
        "\u{2068}Ada\u{2069} wrote to you"
    );
    assert_eq!(
        subject(&digest(vec![conversation("", &["hi"], 1)])),
        "Somebody wrote to you"
    );
    assert_eq!(
        subject(&digest(vec![conversation("Ada", &["hi"], 3)])),
        "3 new messages from \u{2068}Ada\u{2069}"
    );
    assert_eq!(subject(&sample_digest()), "10 new messages in 4 conversations");
}

#[test]
fn times_are_in_the_recipients_zone_or_in_utc() {
    for (zone, expected) in [
        (Some("America/New_York"), "1 Jan 2026, 22:04 EST"),
        (Some("Europe/Zurich"), "2 Jan 2026, 04:04 CET"),
        (Some("Nowhere/Else"), "2 Jan 2026, 03:04 UTC"),
        (None, "2 Jan 2026, 03:04 UTC"),
    ] {
        let mut digest = digest(vec![conversation("Ada", &["hi"], 1)]);
        digest.contact = Contact::at("carl@example.com");
        if let Some(zone) = zone {
            digest.contact = digest.contact.with_time_zone(zone);
        }
        let rendered = Templates::default().render(&digest, &Pages).unwrap();
        assert!(
            rendered.text.contains(expected) && rendered.html.contains(expected),
            "{}",
            rendered.text
        );
    }
}

#[test]
fn a_regional_variant_uses_the_templates_of_its_language() {
    let german = DigestTemplates {
        subject: "{{ messages }} neue Nachrichten".to_owned(),
        ..DigestTemplates::default()
    };
    let templates = Templates::default().with("de", german).unwrap();
    for (language, expected) in [
        (Some("de"), "1 neue Nachrichten"),
        (Some("de-CH"), "1 neue Nachrichten"),
        (Some("DE"), "1 neue Nachrichten"),
        (Some("fr"), "Somebody wrote to you"),
        (None, "Somebody wrote to you"),
    ] {
        let mut digest = digest(vec![conversation("", &["hi"], 1)]);
        digest.contact.language = language.map(str::to_owned);
        assert_eq!(templates.render(&digest, &Pages).unwrap().subject, expected);
    }
}

#[test]
fn an_invalid_template_is_refused_when_added() {
    let broken = DigestTemplates {
        text: "{% for x in".to_owned(),
        ..DigestTemplates::default()
    };
    assert!(Templates::default().with("de", broken).is_err());
}

struct FixedLink(&'static str);

impl Links for FixedLink {
    fn conversation(&self, _: &Digest, _: &DigestConversation) -> String {
        self.0.to_owned()
    }

    fn unsubscribe(&self, _: &Digest) -> Option<String> {
        None
    }
}

#[test]
fn an_invalid_link_or_template_defers_its_recipient() {
    let digest = digest(vec![conversation("Ada", &["hi"], 1)]);
    let kind = |links: FixedLink, templates: Templates| {
        let mail = DigestMail::new("messages@tours.example", templates, links).unwrap();
        mail.message(&digest).err().map(|error| error.kind())
    };
    let unknown = DigestTemplates {
        subject: "{{ undefined_variable }}".to_owned(),
        ..DigestTemplates::default()
    };
    let unknown = Templates::default().with("en", unknown).unwrap();
    assert_eq!(
        kind(FixedLink("https://tours.example"), Templates::default()),
        None
    );
    assert_eq!(
        kind(FixedLink("javascript:alert(1)"), Templates::default()),
        Some(TransportErrorKind::Deferred { retry_after: None })
    );
    assert_eq!(
        kind(FixedLink("https://tours.example"), unknown),
        Some(TransportErrorKind::Deferred { retry_after: None })
    );
}

#[test]
fn an_invalid_address_is_refused() {
    let mail = DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages).unwrap();
    for email in [
        "no-address",
        "a@b@c",
        "a b@example.com",
        "eve@example.com\r\nBcc: x@example.com",
        "<x@example.com>",
    ] {
        let mut digest = sample_digest();
        email.clone_into(&mut digest.email);
        assert_eq!(
            mail.message(&digest).unwrap_err().kind(),
            TransportErrorKind::Refused,
            "{email}"
        );
    }
    assert!(DigestMail::new("no-address", Templates::default(), Pages).is_err());
}

/// Hostile pieces of names and texts, combined at random.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\r\nBcc: eve@example.com",
        "<script>",
        "</bdi>",
        "\"",
        "'",
        "&amp;",
        "{{ 7 * 7 }}",
        "\u{202E}",
        "\u{2069}",
        "\u{0}",
        "🙂",
        "مرحبا",
        "=?utf-8?q?x?=",
        "a",
        " ",
        "\n.\n",
        "--",
    ]);
    prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())
}

/// The names of all tags.
fn tags(html: &str) -> Vec<&str> {
    let inner = html.split('<').skip(1);
    inner
        .map(|rest| rest.split(['>', ' ']).next().unwrap_or_default())
        .collect()
}

proptest! {
    #[test]
    fn no_name_or_text_adds_a_header_or_a_tag(from in hostile_text(), name in hostile_text(), text in hostile_text()) {
        let digest_with = |from: &str, name: &str, text: &str| {
            let mut digest = digest(vec![conversation(from, &[text], 1)]);
            name.clone_into(&mut digest.name);
            digest
        };
        let harmless = |text: &str| if text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || ('\u{202A}'..='\u{2069}').contains(&c)).is_empty() { "" } else { "x" };
        let (bad, good) = (digest_with(&from, &name, &text), digest_with(harmless(&from), harmless(&name), harmless(&text)));
        let templates = Templates::default();
        let (bad_page, good_page) = (templates.render(&bad, &Pages).unwrap(), templates.render(&good, &Pages).unwrap());
        prop_assert_eq!(tags(&bad_page.html), tags(&good_page.html));
        prop_assert!(!bad_page.subject.chars().any(char::is_control));
        let mail = DigestMail::new("messages@tours.example", templates, Pages).unwrap();
        let names = |digest: &Digest| -> Vec<String> {
            let raw = mail.message(digest).unwrap().formatted();
            let raw = String::from_utf8(raw).unwrap();
            let head = raw.split("\r\n\r\n").next().unwrap().to_owned();
            head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap().to_owned()).collect()
        };
        prop_assert_eq!(names(&bad), names(&good));
    }
}
