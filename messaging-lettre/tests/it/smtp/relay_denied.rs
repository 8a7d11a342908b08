//! A mail server that refuses every recipient because of the sender, as Postfix does without credentials.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use messaging_core::{
    Body, DigestPolicy, HostOpen, Messaging, SendMessage, UserId, Workers,
    clock::{ManualClock, SequentialIds},
    host::{HostError, directory::Contact, presence::Presence, rate_limit::Unlimited},
    memory::MemoryStore,
};
use messaging_test_smtp::SmtpServer;
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent_user_id, client, client_id},
};

use crate::support::smtp::mailer;

/// Every user is offline.
struct Offline;

#[async_trait]
impl Presence for Offline {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

/// A deployment whose clients write to agents.
struct Fixture {
    messaging: Messaging,
    workers: Workers,
    directory: FakeDirectory,
    clock: ManualClock,
}

impl Fixture {
    /// Creates a deployment that gives up a digest after two counted deferrals.
    fn new(server: &SmtpServer) -> Self {
        let (clock, directory) = (ManualClock::new(), FakeDirectory::new());
        let (messaging, workers) = Messaging::builder(MemoryStore::new(), directory.clone())
            .rate_limiter(Unlimited)
            .digests(
                mailer(&server.url(), Duration::from_secs(30)),
                DigestPolicy::default().with_deferrals(2),
            )
            .presence(Offline)
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .expect("valid options");
        Self {
            messaging,
            workers,
            directory,
            clock,
        }
    }

    /// Client `n` sends a message to agent `n`.
    async fn send(&self, n: u64) {
        let open = HostOpen::new(&client_id(n), &agency_id(n), &agent_user_id(n));
        let plan = self
            .messaging
            .operations()
            .prepare_open(open)
            .expect("the conversation may be opened");
        let send = SendMessage::new(
            self.messaging
                .operations()
                .open_prepared(&plan)
                .await
                .expect("the conversation is opened")
                .id,
            Body::parse("Is the hut open?").expect("a text"),
        );
        let result = self.messaging.send_message(&client(n), &send).await;
        result.expect("the message is sent");
    }

    async fn run_digests_for(&self, hours: u64) {
        for _ in 0..hours {
            self.clock.advance(Duration::from_hours(1));
            let digests = self.workers.digests().expect("digests are enabled");
            digests.step().await.expect("the store answers");
        }
    }
}

/// The recipients of accepted e-mails, sorted.
fn recipients(server: &SmtpServer) -> Vec<String> {
    let mut to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    to
}

#[tokio::test]
async fn no_digest_is_lost_while_relaying_is_denied_for_days() {
    let Some(server) = SmtpServer::start("relaying denied") else {
        return;
    };
    let fixture = Fixture::new(&server);
    for n in [1, 2] {
        fixture.send(n).await;
    }
    server.reply("RCPT", "554 5.7.1 relay access denied");
    fixture.run_digests_for(4 * 24).await;
    assert_eq!(server.mails().len(), 0);
    server.reply("", "");
    fixture.run_digests_for(24).await;
    assert_eq!(
        recipients(&server),
        ["agent-1@example.com", "agent-2@example.com"]
    );
}

#[tokio::test]
async fn no_digest_is_lost_while_only_the_servers_own_domain_is_accepted() {
    let Some(server) = SmtpServer::start("relaying denied but to one domain") else {
        return;
    };
    let fixture = Fixture::new(&server);
    fixture
        .directory
        .set_contact(agent_user_id(3), Contact::at("staff@Tours.example"));
    server.deny_relaying("Tours.example");
    for n in [1, 2] {
        fixture.send(n).await;
    }
    // Four days, with an accepted e-mail between any two deferrals of a user.
    for _ in 0..4 * 24 {
        fixture.send(3).await;
        fixture.run_digests_for(1).await;
    }
    let taken = recipients(&server);
    assert!(
        taken.len() > 24 && taken.iter().all(|to| to == "staff@Tours.example"),
        "{taken:?}"
    );
    server.relay();
    fixture.run_digests_for(24).await;
    let mut others = recipients(&server);
    others.retain(|to| to != "staff@Tours.example");
    assert_eq!(others, ["agent-1@example.com", "agent-2@example.com"]);
}

#[tokio::test]
async fn the_only_mailbox_of_a_domain_is_given_up_after_a_week_of_deferrals() {
    let Some(server) = SmtpServer::start("a dead mailbox") else {
        return;
    };
    let fixture = Fixture::new(&server);
    fixture
        .directory
        .set_contact(agent_user_id(3), Contact::at("staff@tours.example"));
    server.deny_relaying("tours.example");
    fixture.send(1).await;
    for _ in 0..8 * 24 {
        fixture.send(3).await;
        fixture.run_digests_for(1).await;
    }
    server.relay();
    fixture.run_digests_for(24).await;
    assert!(recipients(&server).iter().all(|to| to == "staff@tours.example"));
    fixture.send(1).await;
    fixture.run_digests_for(1).await;
    assert!(recipients(&server).contains(&"agent-1@example.com".to_owned()));
}
