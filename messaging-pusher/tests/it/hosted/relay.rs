//! The relay with a failing transport.

use std::time::Duration;

use messaging_core::{
    Actor, AgentId, ConversationId, Messaging, OpenConversation, Role, SendMessage, UserId, Workers,
    clock::SequentialIds, domain::body::Body, host::rate_limit::Unlimited, memory::MemoryStore,
    store::OutboxStore as _,
};
use messaging_testkit::fake::FakeDirectory;
use serde_json::Value;

use crate::support::{
    fault_server::{Reply, status},
    hosted::Fixture,
};

const SECOND: Duration = Duration::from_secs(1);

struct Host {
    fixture: Fixture,
    store: MemoryStore,
    messaging: Messaging,
    workers: Workers,
    carl: Actor,
    id: ConversationId,
}

impl Host {
    /// Carl's conversation, fully published.
    async fn open() -> Self {
        let (fixture, store) = (Fixture::open().await, MemoryStore::new());
        let agent_id = AgentId::parse("agency-1").unwrap();
        let (messaging, workers) = Messaging::builder(store.clone(), FakeDirectory::new())
            .rate_limiter(Unlimited)
            .realtime(fixture.pusher.clone())
            .clock(fixture.clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        let carl = Actor::new(UserId::parse("client-1").unwrap(), Role::Client);
        let open = OpenConversation::new(agent_id);
        let opened = messaging.open_conversation(&carl, &open).await.unwrap();
        let id = opened.conversation.id();
        let host = Self {
            fixture,
            store,
            messaging,
            workers,
            carl,
            id,
        };
        host.publish_for(0).await;
        host
    }

    async fn send(&self, text: &str) {
        let message = SendMessage::new(self.id, Body::parse(text).unwrap());
        self.messaging.send_message(&self.carl, &message).await.unwrap();
    }

    async fn publish_for(&self, seconds: u32) {
        for _ in 0..=seconds {
            while self.workers.relay().step().await.unwrap() > 0 {}
            self.fixture.clock.advance(SECOND);
        }
    }

    /// The message texts on the conversation's channel, in the order of their requests.
    fn published(&self) -> Vec<String> {
        let channel = format!("private-conversation-{}", self.id);
        let mut texts = Vec::new();
        for request in self.fixture.server.requests() {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let events = body["batch"].as_array().cloned().unwrap_or_else(|| vec![body]);
            for event in events {
                let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
                let on_channel = event["channel"] == channel || event["channels"][0] == channel;
                if on_channel && event["name"] == "new-message" {
                    texts.push(data["content"].as_str().unwrap().to_owned());
                }
            }
        }
        texts
    }

    /// The number of calls that end all connections of a user.
    fn terminations(&self) -> usize {
        let request = self.fixture.server.requests();
        request
            .iter()
            .filter(|request| request.target.contains("/terminate_connections"))
            .count()
    }

    fn calls(&self) -> usize {
        self.fixture.server.requests().len()
    }

    async fn waiting(&self) -> u64 {
        self.messaging.operations().health().await.unwrap().backlog.lanes
    }
}

#[tokio::test]
async fn events_are_published_in_order_after_an_outage() {
    for reply in [
        status(500),
        status(502),
        Reply::Disconnect,
        Reply::Bytes(b"garbage"),
        Reply::Status(200, "", "<html>".to_owned()),
        Reply::Status(429, "", String::new()),
    ] {
        let host = Host::open().await;
        host.fixture.server.reply_all(reply.clone());
        host.send("one").await;
        host.publish_for(2).await;
        host.send("two").await;
        host.publish_for(5).await;
        assert_eq!(host.waiting().await, 1, "{reply:?}");
        host.fixture
            .server
            .reply_all(Reply::Status(200, "", "{}".to_owned()));
        let before = host.published().len();
        host.publish_for(60).await;
        assert_eq!(host.published()[before..], ["one", "two"], "{reply:?}");
        assert_eq!(host.waiting().await, 0);
        assert_eq!(
            host.store.list_dead_letters(None, 9).await.unwrap().len(),
            0,
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn no_call_is_made_during_retry_after() {
    let host = Host::open().await;
    let too_many_requests = Reply::Status(429, "retry-after: 20\r\n", String::new());
    host.fixture.server.reply_next([too_many_requests]);
    let before = host.calls();
    host.send("one").await;
    host.publish_for(18).await;
    assert_eq!(host.calls(), before + 1);
    host.publish_for(3).await;
    assert_eq!(host.calls(), before + 2);
    assert_eq!(host.waiting().await, 0);
}

#[tokio::test]
async fn a_refused_event_becomes_a_dead_letter_and_the_next_is_published() {
    for code in [400, 413] {
        let host = Host::open().await;
        // One call with both events of the message, then the first event alone until it becomes a dead letter.
        host.fixture.server.reply_next([
            status(code),
            status(code),
            status(code),
            status(code),
            status(code),
        ]);
        host.send("refused").await;
        host.publish_for(0).await;
        host.send("next").await;
        host.publish_for(30).await;
        let dead = host.store.list_dead_letters(None, 9).await.unwrap();
        assert_eq!(dead.len(), 1, "{code}: {dead:?}");
        assert!(dead[0].why.contains(&code.to_string()), "{}", dead[0].why);
        assert_eq!(host.published().last().unwrap(), "next");
        assert_eq!(host.waiting().await, 0);
    }
}

#[tokio::test]
async fn rejected_credentials_halt_publishing_and_are_retried_every_30_seconds() {
    for code in [401, 403] {
        let host = Host::open().await;
        host.fixture.server.reply_all(status(code));
        let before = host.calls();
        for text in ["one", "two"] {
            host.send(text).await;
            host.publish_for(13).await;
        }
        assert_eq!(host.calls(), before + 1);
        assert!(host.messaging.operations().health().await.unwrap().halted);
        host.publish_for(5).await;
        assert_eq!(host.calls(), before + 2);
        host.fixture
            .server
            .reply_all(Reply::Status(200, "", "{}".to_owned()));
        let before = host.published().len();
        host.publish_for(40).await;
        assert_eq!(host.published()[before..], ["one", "two"]);
        assert!(!host.messaging.operations().health().await.unwrap().halted);
    }
}

#[tokio::test]
async fn revocations_of_many_conversations_share_calls() {
    let host = Host::open().await;
    let agency = AgentId::parse("agency-1").unwrap();
    for n in 2..=60 {
        let carl = Actor::new(UserId::parse(format!("client-{n}")).unwrap(), Role::Client);
        let open = OpenConversation::new(agency.clone());
        host.messaging.open_conversation(&carl, &open).await.unwrap();
    }
    host.publish_for(0).await;
    let new = UserId::parse("new").unwrap();
    let moved = host
        .messaging
        .operations()
        .reassign_agent(&agency, &new)
        .await
        .unwrap();
    assert_eq!(moved.moved, 60);
    host.publish_for(8).await;
    assert_eq!(host.terminations(), 1);
    host.publish_for(20).await;
    assert_eq!(host.waiting().await, 0);
    assert!(host.terminations() <= 3, "{} calls", host.terminations());
}
