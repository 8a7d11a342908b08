//! A server that sends e-mail, and messages to mail.

use std::path::Path;

use messaging_test_smtp::SmtpServer;
use messaging_tests::{Caller, Settings};

/// A server that mails users a second after a message.
pub(crate) fn settings(data: &Path, database_url: &str, smtp: &SmtpServer) -> Settings {
    Settings::in_directory(data)
        .with_env("DATABASE_URL", database_url)
        .with_env("SMTP_URL", smtp.url())
        .with_env("DIGEST_DELAY", "1")
        .with_env("PUBLIC_URL", "https://tours.example/")
}

pub(crate) fn send(caller: &Caller, conversation_id: &str, text: &str) {
    let sent = caller.send(conversation_id, text, text).unwrap();
    assert_eq!(sent.status, 201, "{sent:?}");
}
