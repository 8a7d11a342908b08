//! A mail server that refuses every recipient for what is the sender's fault, as Postfix does without credentials.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use messaging_core::{
    Body, DigestPolicy, Messaging, OpenByHost, SendMessage, Unlimited, UserId,
    clock::{ManualClock, SequentialIds},
    memory::MemoryStore,
    port::{PortError, presence::Presence},
};
use messaging_test_smtp::SmtpServer;
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent_user_id, client, client_id},
};

use crate::mailer;

/// Every user is offline.
struct Offline;

#[async_trait]
impl Presence for Offline {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, PortError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

#[tokio::test]
async fn a_server_that_denies_relaying_for_days_loses_no_digest() {
    let Some(server) = SmtpServer::start("relaying denied") else {
        return;
    };
    let clock = ManualClock::new();
    let (messaging, workers) = Messaging::builder(MemoryStore::new(), FakeDirectory::new())
        .rate_limiter(Unlimited)
        .digests(
            mailer(&server.url(), Duration::from_secs(30)),
            DigestPolicy::default().with_deferrals(2),
        )
        .presence(Offline)
        .clock(clock.clone())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    for n in [1, 2] {
        let open = OpenByHost::new(&client_id(n), &agency_id(n), &agent_user_id(n));
        let plan = messaging.plan_open(open).unwrap();
        let send = SendMessage {
            conversation_id: messaging.open_planned(&plan).await.unwrap().id,
            body: Body::parse("Is the hut open?").unwrap(),
            key: None,
        };
        messaging.send_message(&client(n), &send).await.unwrap();
    }
    let day = async || {
        for _ in 0..24 {
            clock.advance(Duration::from_hours(1));
            workers.digests().unwrap().step().await.unwrap();
        }
    };
    server.reply("RCPT", "554 5.7.1 relay access denied");
    for _ in 0..4 {
        day().await;
    }
    assert_eq!(server.mails().len(), 0);
    server.reply("", "");
    day().await;
    let mut to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["agent-1@example.com", "agent-2@example.com"]);
}
