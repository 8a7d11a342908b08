//! Push notifications: their recipients and frequency.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Body, ConversationId, ErrorKind, Messaging, OpenConversation, SendMessage, Timestamp, UserId, Workers,
    clock::{ManualClock, SequentialIds},
    host::{HostError, HostErrorKind, directory::Contact, presence::Presence, rate_limit::Unlimited},
    memory::MemoryStore,
    transport::{
        TransportError, TransportErrorKind,
        push::{Notification, Push},
    },
};
use messaging_testkit::{
    fake::{FakeDirectory, RecordingRealtime},
    make::{agency_id, agent, agent_user_id, client, client_id},
};

/// Records notifications, and fails on demand.
#[derive(Clone, Default)]
struct Devices(Arc<Mutex<(Notified, bool)>>);

type Notified = Vec<(Vec<UserId>, Notification)>;

#[async_trait]
impl Push for Devices {
    async fn notify(&self, users: &[UserId], notification: &Notification) -> Result<(), TransportError> {
        let mut state = self.0.lock().unwrap();
        state.0.push((users.to_vec(), notification.clone()));
        if state.1 {
            return Err(TransportError::new(
                TransportErrorKind::Unavailable,
                "simulated failure",
            ));
        }
        Ok(())
    }

    fn user_token(&self, user_id: &UserId, now: Timestamp) -> String {
        format!("{user_id} from {now}")
    }
}

/// Presence of the listed users; that of all others is unknown.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<HashMap<UserId, bool>>>);

#[async_trait]
impl Presence for Known {
    async fn online(&self, _: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

struct Fixture {
    messaging: Messaging,
    workers: Workers,
    clock: ManualClock,
    directory: FakeDirectory,
    devices: Devices,
    known: Known,
    id: ConversationId,
}

impl Fixture {
    /// One conversation, whose agent is offline.
    async fn new() -> Self {
        let (clock, directory) = (ManualClock::new(), FakeDirectory::new());
        let (devices, known) = (Devices::default(), Known::default());
        let (messaging, workers) = Messaging::builder(MemoryStore::new(), directory.clone())
            .rate_limiter(Unlimited)
            .realtime(RecordingRealtime::new())
            .presence(known.clone())
            .push(devices.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        known.0.lock().unwrap().insert(agent_user_id(1), false);
        let open = OpenConversation::new(agency_id(1));
        let id = messaging
            .open_conversation(&client(1), &open)
            .await
            .unwrap()
            .conversation
            .id();
        Self {
            messaging,
            workers,
            clock,
            directory,
            devices,
            known,
            id,
        }
    }

    async fn send(&self, text: &str) {
        let send = SendMessage::new(self.id, Body::parse(text).unwrap());
        self.messaging.send_message(&client(1), &send).await.unwrap();
    }

    /// Publishes and notifies; returns the notifications since the last call as text.
    async fn notified(&self) -> Vec<String> {
        self.workers.relay().step().await.unwrap();
        self.workers.notifier().unwrap().step().await;
        let pushed = std::mem::take(&mut self.devices.0.lock().unwrap().0);
        let say = |(users, one): (Vec<UserId>, Notification)| {
            format!("{}: {} says {}", users[0], one.from, one.text.as_str())
        };
        pushed.into_iter().map(say).collect()
    }
}

#[tokio::test]
async fn an_offline_recipient_is_notified_after_publication() {
    let fixture = Fixture::new().await;
    fixture.send("hello").await;
    assert_eq!(
        fixture.workers.notifier().unwrap().step().await,
        0,
        "the message is not published yet"
    );
    assert_eq!(fixture.notified().await, ["agent-1: client-1 says hello"]);
    assert_eq!(fixture.notified().await, [""; 0]);
}

#[tokio::test]
async fn an_online_or_unknown_recipient_is_not_notified() {
    let fixture = Fixture::new().await;
    for known in [Some(true), None] {
        let user_id = agent_user_id(1);
        match known {
            Some(online) => drop(fixture.known.0.lock().unwrap().insert(user_id, online)),
            None => drop(fixture.known.0.lock().unwrap().remove(&user_id)),
        }
        fixture.send("hello").await;
        assert_eq!(fixture.notified().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_recipient_who_opted_out_or_has_read_is_not_notified() {
    let fixture = Fixture::new().await;
    fixture
        .directory
        .set_contact(agent_user_id(1), Contact::default().wanting_push(false));
    fixture.send("unwanted").await;
    assert_eq!(fixture.notified().await, [""; 0]);
    fixture
        .directory
        .set_contact(agent_user_id(1), Contact::default());
    fixture.send("read").await;
    fixture
        .messaging
        .history(&agent(1), &crate::support::newest(fixture.id))
        .await
        .unwrap();
    assert_eq!(fixture.notified().await, [""; 0]);
    fixture.directory.fail(HostErrorKind::Temporary);
    fixture.send("unknown").await;
    assert_eq!(fixture.notified().await, [""; 0]);
}

#[tokio::test]
async fn a_burst_causes_one_notification_per_minute() {
    let fixture = Fixture::new().await;
    for text in ["one", "two", "three"] {
        fixture.send(text).await;
    }
    assert_eq!(fixture.notified().await, ["agent-1: client-1 says three"]);
    fixture.clock.advance(Duration::from_secs(59));
    fixture.send("four").await;
    assert_eq!(fixture.notified().await, [""; 0]);
    fixture.clock.advance(Duration::from_secs(1));
    fixture.send("five").await;
    assert_eq!(fixture.notified().await, ["agent-1: client-1 says five"]);
}

#[tokio::test]
async fn a_failed_notification_is_not_retried() {
    let fixture = Fixture::new().await;
    fixture.devices.0.lock().unwrap().1 = true;
    fixture.send("hello").await;
    assert_eq!(fixture.notified().await.len(), 1);
    fixture.clock.advance(Duration::from_mins(10));
    assert_eq!(fixture.notified().await, [""; 0]);
}

#[tokio::test]
async fn a_push_token_is_issued_only_to_its_own_user() {
    let fixture = Fixture::new().await;
    let token = fixture.messaging.push_token(&client(1), &client_id(1)).unwrap();
    assert_eq!(token, "client-1 from 2026-01-01T00:00:00.000Z");
    let refused = fixture
        .messaging
        .push_token(&client(1), &client_id(2))
        .unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Forbidden { .. }));
    let (without, _) = Messaging::in_memory(FakeDirectory::new()).build().unwrap();
    let refused = without.push_token(&client(1), &client_id(1)).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::NotFound));
}
