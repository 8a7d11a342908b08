//! The fakes behave as documented, under the core's own use cases.

use std::time::Duration;

use messaging_core::{
    BookingId, Messaging, OpenConversation, SendMessage, Workers,
    clock::{ManualClock, SequentialIds},
    event::ChannelName,
    host::{HostErrorKind, directory::Directory, rate_limit::Unlimited},
    memory::MemoryStore,
    store::{ConversationStore, Publisher, StoreErrorKind},
    transport::TransportErrorKind,
};
use messaging_testkit::{
    fake::{Effect, FailingStore, FakeDirectory, RecordingRealtime},
    make::{agency, agency_id, agent, agent_user_id, body, booking_id, client, client_id, key, plan},
};

struct World {
    messaging: Messaging,
    workers: Workers,
    directory: FakeDirectory,
    realtime: RecordingRealtime,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let (directory, realtime) = (FakeDirectory::new(), RecordingRealtime::new());
        let clock = ManualClock::new();
        let (messaging, workers) = Messaging::builder(MemoryStore::new(), directory.clone())
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        Self {
            messaging,
            workers,
            directory,
            realtime,
            clock,
        }
    }

    async fn say(&self, text: &str) {
        let open = OpenConversation::new(agency_id(1)).with_booking(booking_id(1, 1));
        let opened = self.messaging.open_conversation(&client(1), &open).await.unwrap();
        let send = SendMessage::new(opened.conversation.summary.conversation.id, body(text))
            .with_idempotency_key(key(text));
        self.messaging.send_message(&client(1), &send).await.unwrap();
    }

    async fn publish(&self) -> usize {
        while self.workers.relay().step().await.unwrap() > 0 {}
        self.realtime.take().len()
    }
}

#[tokio::test]
async fn the_fakes_deliver_a_message() {
    let world = World::new();
    world.say("hello").await;
    assert_eq!(world.messaging.count_unread(&agent(1)).await.unwrap(), 1);
    assert!(world.publish().await > 0 && world.realtime.calls() > 0);
    assert!(world.directory.calls() > 0);
}

#[tokio::test]
async fn a_failing_transport_delivers_after_its_recovery() {
    let world = World::new();
    world.say("hello").await;
    let channel = ChannelName::parse("private-user-agent-1").unwrap();
    world
        .realtime
        .fail_channel(channel, TransportErrorKind::Unavailable);
    world.publish().await;
    world.realtime.recover();
    world.clock.advance(Duration::from_mins(1));
    assert!(world.publish().await > 0);
    assert_eq!(
        world.messaging.operations().health().await.unwrap().backlog.lanes,
        0
    );
}

#[tokio::test]
async fn a_transport_fails_the_requested_number_of_times() {
    let world = World::new();
    world.say("hello").await;
    world.realtime.fail_next([TransportErrorKind::Unavailable; 2]);
    while world.realtime.calls() < 3 {
        world.publish().await;
        world.clock.advance(Duration::from_mins(1));
    }
    world.publish().await;
    assert_eq!(
        world.messaging.operations().health().await.unwrap().backlog.lanes,
        0
    );
}

#[tokio::test]
async fn a_call_fails_with_or_without_its_effect() {
    for (effect, happened) in [(Effect::None, false), (Effect::Taken, true)] {
        let store = FailingStore::new(MemoryStore::new());
        store.fail(2, StoreErrorKind::OutcomeUnknown, effect);
        store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
        let error = store.open(&plan(1, 2), Publisher::Anyone).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::OutcomeUnknown);
        let found = store
            .inner()
            .find_conversation(plan(1, 2).id.into())
            .await
            .unwrap();
        assert_eq!((found.is_some(), store.calls()), (happened, 2));
        assert!(store.open(&plan(1, 2), Publisher::Anyone).await.is_ok());
    }
}

#[tokio::test]
async fn the_fake_directory_knows_every_numbered_user() {
    let directory = FakeDirectory::new();
    let user = directory.agent_user(&agency_id(7)).await.unwrap();
    assert_eq!(user, Some(agent_user_id(7)));
    for other in ["agency-0", "agency-07", "agency-x", "7"] {
        assert_eq!(
            directory.agent_user(&agency(other)).await.unwrap(),
            None,
            "{other}"
        );
    }
    let parties = directory
        .booking_parties(&booking_id(3, 4))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (parties.client_id, parties.agent_id),
        (client_id(3), agency_id(4))
    );
    let other = BookingId::parse("booking-3").unwrap();
    assert_eq!(directory.booking_parties(&other).await.unwrap(), None);
}

#[tokio::test]
async fn the_fake_directory_fails_until_answer_is_called() {
    let directory = FakeDirectory::new();
    directory.fail(HostErrorKind::Permanent);
    let error = directory.agent_user(&agency_id(1)).await.unwrap_err();
    assert_eq!(error.kind(), HostErrorKind::Permanent);
    directory.answer();
    assert!(directory.agent_user(&agency_id(1)).await.is_ok());
    assert_eq!(directory.calls(), 2);
}
