//! A message whose connection is cut, as its sender sees it.

use std::time::Duration;

use messaging_core::{
    ErrorKind, Messaging, SendMessage, Sent, Workers,
    clock::{ManualClock, SequentialIds},
    event::Event,
    host::rate_limit::Unlimited,
};
use messaging_sqlx::PgStore;
use messaging_test_postgres::{Fault, Statement, Wire};
use messaging_testkit::{
    fake::{FakeDirectory, RecordingRealtime},
    make::{body, client, conversation_id, key},
};

use crate::support::postgres::Bench;

/// A process that is connected through a wire, and its published events.
struct Process {
    bench: Bench,
    wire: Wire,
    messaging: Messaging,
    workers: Workers,
    realtime: RecordingRealtime,
    clock: ManualClock,
}

impl Process {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let (wire, url) = bench.wire();
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let (realtime, clock) = (RecordingRealtime::new(), ManualClock::new());
        let (messaging, workers) = Messaging::builder(store, FakeDirectory::new())
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        workers.relay().step().await.unwrap();
        realtime.take();
        Self {
            bench,
            wire,
            messaging,
            workers,
            realtime,
            clock,
        }
    }

    async fn send(&self) -> Result<Sent, ErrorKind> {
        let request = SendMessage::new(conversation_id(1_001), body("Is the hut open in May?"))
            .with_idempotency_key(key("the-one"));
        let sent = self.messaging.send_message(&client(1), &request).await;
        sent.map_err(|error| error.kind().clone())
    }

    async fn check(&self, fault: fn(Statement) -> Fault, expected_created: bool) {
        let _worker = self.workers.relay().activate_worker();
        let armed = self.wire.arm(fault(Statement::containing(".message (")));
        assert_eq!(self.send().await.unwrap_err(), ErrorKind::OutcomeUnknown);
        assert!(armed.has_happened());
        let sent = self.send().await.unwrap();
        assert_eq!(sent.created, expected_created);
        let again = self.send().await.unwrap();
        assert!(!again.created);
        assert_eq!(again.message.row.message.id, sent.message.row.message.id);
        assert_eq!(self.bench.messages().await, 1);

        self.clock.advance(Duration::from_secs(10));
        self.workers.relay().step().await.unwrap();
        let events = self.realtime.take();
        let to_both = |event: &&Event| event.channel.as_str().starts_with("private-conversation-");
        let names: Vec<_> = events.iter().filter(to_both).map(|event| event.name).collect();
        assert_eq!(names, ["new-message"]);
    }
}

#[tokio::test]
async fn a_send_with_a_lost_answer_is_found_by_its_key_and_published_once() {
    Process::new().await.check(Fault::CutAfterAnswer, false).await;
}

#[tokio::test]
async fn a_lost_send_is_stored_by_repetition_and_published_once() {
    Process::new().await.check(Fault::CutBeforeRequest, true).await;
}
