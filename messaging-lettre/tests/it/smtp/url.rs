//! The URL of a mail server.

use messaging_lettre::{DigestMail, SmtpMailer, Templates};

use crate::support::digests::Pages;

#[test]
fn an_invalid_url_is_refused_without_revealing_it() {
    let mail = || DigestMail::new("messages@tours.example", Templates::default(), Pages).expect("an address");
    for url in [
        "",
        "http://mail.example",
        "smtp:",
        "smtp://mail.example?tls=maybe",
        "user:secret@mail.example",
    ] {
        let refused = SmtpMailer::from_url(url, mail()).unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
    let mailer = SmtpMailer::from_url("smtps://user:secret@mail.example", mail()).unwrap();
    assert!(!format!("{mailer:?}").contains("secret"));
}
