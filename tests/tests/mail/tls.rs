use messaging_test_smtp::{Security, SmtpServer};
use messaging_tests::{Settings, eventually};

/// Mails by TLS only to a server whose certificate the system trusts.
fn check(what: &str, security: Security) {
    let Some(smtp) = SmtpServer::start_with(what, security) else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let settings = || {
        Settings::in_directory(data.path())
            .with_env("SMTP_URL", smtp.url())
            .with_env("DIGEST_DELAY", "1")
    };
    let distrusting = settings().start();
    let client = distrusting.caller("client-1");
    let id = client.open("agency-1");
    crate::support::send(&client, &id, "a-secret");
    eventually("a delivery is tried", || {
        distrusting.log().contains("digest delivery failed").then_some(())
    });
    assert!(smtp.mails().is_empty());
    drop(distrusting.stop("TERM"));

    let trusting = settings().with_env("SSL_CERT_FILE", smtp.certificate()).start();
    let mails = smtp.wait_for(1);
    assert!(mails[0].text.as_deref().unwrap().contains("a-secret"));
    drop(trusting.stop("TERM"));
}

#[test]
fn with_implicit_tls() {
    check("mail by TLS", Security::Implicit);
}

#[test]
fn with_starttls() {
    check("mail by STARTTLS", Security::StartTls);
}
