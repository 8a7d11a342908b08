use messaging_tests::{Server, Settings, eventually};

/// Without a mail server, e-mails are shown on a page without a login.
#[test]
fn unsent_e_mails_are_shown_on_a_page() {
    let data = tempfile::tempdir().unwrap();
    let server: Server = Settings::in_directory(data.path())
        .with_env("DIGEST_DELAY", "1")
        .start();
    let client = server.caller("client-1");
    let id = client.open("agency-1");
    crate::support::send(&client, &id, "is-it-<b>open</b>?");
    let anonymous = server.anonymous();
    let page = eventually("an e-mail is shown", || {
        let page = anonymous.text("/demo/mail");
        page.contains("As a mail program shows it").then_some(page)
    });
    assert!(
        page.contains("agent-1@example.com") && page.contains("is-it-&lt;b&gt;open"),
        "{page}"
    );
    let link = page.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    let shown = anonymous.text(link);
    assert!(
        shown.contains("is-it-&lt;b&gt;open") && shown.contains("Read and answer"),
        "{}",
        shown
    );
    let link = format!("/as/agent-1/inbox/{id}").replace('/', "&#x2f;");
    assert!(shown.contains(&link), "{}", shown);
    for nothing in [
        "/demo/mail/nonsense",
        "/demo/mail/0190163d-8694-739b-aea5-966c26f8ad91",
    ] {
        assert_eq!(anonymous.get(nothing).unwrap().status, 404);
    }
}
