use std::collections::BTreeMap;

use messaging_test_postgres::{Database, PgServer};
use messaging_test_smtp::SmtpServer;
use messaging_tests::eventually;

use crate::support::{send, settings};

const CONVERSATIONS: usize = 6;

/// Several processes mail the same users, and each message once.
#[test]
fn several_processes_mail_each_message_once() {
    let Some(smtp) = SmtpServer::start("several processes that mail") else {
        return;
    };
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let servers: Vec<_> = (0..3)
        .map(|_| settings(data.path(), database.url(), &smtp).start())
        .collect();
    let mut texts = Vec::new();
    for round in 0..3 {
        for n in 1..=CONVERSATIONS {
            // Three clients of each of two agencies.
            let client = servers[n % 3].caller(&format!("client-{}", n % 3 + 1));
            let id = client.open(&format!("agency-{}", n % 2 + 1));
            let text = format!("text-{round}-{n}-end");
            send(&client, &id, &text);
            texts.push(text);
        }
        eventually("every message is mailed", || {
            let mails = smtp.mails();
            let is_mailed = |text: &String| {
                mails
                    .iter()
                    .any(|mail| mail.text.as_deref().unwrap().contains(text))
            };
            texts.iter().all(is_mailed).then_some(())
        });
    }
    let mails = smtp.mails();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for text in &texts {
        let held = mails
            .iter()
            .filter(|mail| mail.text.as_deref().unwrap().contains(text));
        times.insert(text, held.count());
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}
