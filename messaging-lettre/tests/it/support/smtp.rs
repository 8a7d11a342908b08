//! A mailer for an SMTP server, and the contents of an e-mail.

use std::time::Duration;

use messaging_core::{
    transport::TransportErrorKind,
    transport::mailer::{Digest, Mailer as _},
};
use messaging_lettre::{DigestMail, SmtpMailer, Templates};
use messaging_test_smtp::Mail;

use super::digests::Pages;

pub(crate) fn mailer(url: &str, timeout: Duration) -> SmtpMailer {
    let mail =
        DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages).expect("an address");
    SmtpMailer::with_timeout(url, mail, timeout).expect("a URL")
}

pub(crate) async fn kind(mailer: &SmtpMailer, digest: &Digest) -> Option<TransportErrorKind> {
    mailer.send(digest).await.err().map(|error| error.kind())
}

/// The visible text of a page.
pub(crate) fn visible_text(html: &str) -> String {
    let body = html.split_once("</head>").expect("a page").1;
    let mut text = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    for (entity, c) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, c);
    }
    text
}

pub(crate) fn one(mails: &[Mail]) -> &Mail {
    let [one] = mails else {
        panic!("{} e-mails", mails.len())
    };
    one
}
