//! The result of a delivery, for every reply of a server.

use std::time::Duration;

use messaging_core::transport::TransportErrorKind;
use messaging_test_smtp::{Behaviour, SmtpServer};

use crate::support::{
    digests::sample_digest,
    smtp::{kind, mailer, one},
};

/// An SMTP reply contains no pause.
const DEFERRED: TransportErrorKind = TransportErrorKind::Deferred { retry_after: None };

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let Some(server) = SmtpServer::start("a server that is down") else {
        return;
    };
    let url = server.url();
    drop(server);
    let mailer = mailer(&url, Duration::from_secs(30));
    assert_eq!(
        kind(&mailer, &sample_digest()).await,
        Some(TransportErrorKind::Unavailable)
    );
}

#[tokio::test]
async fn a_temporary_server_failure_is_unavailable_and_a_refusal_is_not() {
    let Some(server) = SmtpServer::start("a server that refuses") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (behaviour, expected) in [
        // `451 4.3.0` concerns the mail system, not a single recipient.
        (Behaviour::Temporary, Some(TransportErrorKind::Unavailable)),
        (Behaviour::Refuse, Some(TransportErrorKind::Refused)),
        (Behaviour::Accept, None),
    ] {
        server.behave(behaviour);
        assert_eq!(kind(&mailer, &sample_digest()).await, expected);
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_refused_recipient_does_not_affect_others() {
    let Some(server) = SmtpServer::start("a recipient that is refused") else {
        return;
    };
    server.refuse(&["carl@example.com"]);
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    assert_eq!(
        kind(&mailer, &sample_digest()).await,
        Some(TransportErrorKind::Refused)
    );
    let mut other = sample_digest();
    "dora@example.com".clone_into(&mut other.email);
    assert_eq!(kind(&mailer, &other).await, None);
    assert_eq!(one(&server.mails()).to, ["dora@example.com"]);
}

#[tokio::test]
async fn a_reply_is_classified_by_its_step_and_code() {
    let Some(server) = SmtpServer::start("replies of a server") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (command, reply, expected) in [
        ("RCPT", "452 4.2.2 mailbox full", DEFERRED),
        ("RCPT", "450 4.7.1 greylisted", DEFERRED),
        ("RCPT", "550 5.1.1 no such mailbox", TransportErrorKind::Refused),
        ("RCPT", "450 4.3.2 not accepting", TransportErrorKind::Unavailable),
        ("DATA", "451 filtered", DEFERRED),
        ("DATA", "554 5.6.0 not that", TransportErrorKind::Refused),
        (
            "MAIL",
            "550 5.4.5 daily user sending limit exceeded",
            TransportErrorKind::Misconfigured,
        ),
        (
            "MAIL",
            "553 5.7.1 not owned by user",
            TransportErrorKind::Misconfigured,
        ),
        (
            "MAIL",
            "554 the account is suspended",
            TransportErrorKind::Misconfigured,
        ),
        ("MAIL", "452 4.3.1 no room", TransportErrorKind::Unavailable),
    ] {
        server.reply(command, reply);
        assert_eq!(
            kind(&mailer, &sample_digest()).await,
            Some(expected),
            "{command} {reply}"
        );
    }
    server.reply("", "");
    assert_eq!(kind(&mailer, &sample_digest()).await, None);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_non_ascii_address_is_deferred_without_smtputf8_and_does_not_affect_others() {
    let Some(server) = SmtpServer::start("an address that is not ASCII") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    let mut foreign = sample_digest();
    "jürgen@example.com".clone_into(&mut foreign.email);
    assert_eq!(kind(&mailer, &foreign).await, Some(DEFERRED));
    assert_eq!(kind(&mailer, &sample_digest()).await, None);
    assert_eq!(one(&server.mails()).to, ["carl@example.com"]);
}

#[tokio::test]
async fn a_connection_lost_after_the_content_has_an_unknown_outcome() {
    let Some(server) = SmtpServer::start("a server that hangs up") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (behaviour, taken) in [(Behaviour::Drop, 0), (Behaviour::TakeAndDrop, 1)] {
        server.behave(behaviour);
        assert_eq!(
            kind(&mailer, &sample_digest()).await,
            Some(TransportErrorKind::OutcomeUnknown)
        );
        assert_eq!(server.mails().len(), taken);
    }
    // The next e-mail is sent over a new connection.
    server.behave(Behaviour::Accept);
    assert_eq!(kind(&mailer, &sample_digest()).await, None);
}

#[tokio::test]
async fn a_timeout_after_the_content_has_an_unknown_outcome() {
    let Some(server) = SmtpServer::start("a server that is slow") else {
        return;
    };
    server.behave(Behaviour::Hold);
    let mailer = mailer(&server.url(), Duration::from_millis(300));
    assert_eq!(
        kind(&mailer, &sample_digest()).await,
        Some(TransportErrorKind::OutcomeUnknown)
    );
    assert_eq!(server.mails().len(), 1);
}
