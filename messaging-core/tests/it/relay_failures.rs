//! The relay under failures of the store, the transport and the clock.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::poll;
use messaging_core::{
    AgentId, BookingId, ConversationId, Messaging, Options, UserId, Workers,
    clock::{ManualClock, SequentialIds},
    event::{ChannelName, Event},
    host::{
        HostError,
        directory::{BookingParties, Contact, Directory, ProfileQuery, Profiles},
        rate_limit::Unlimited,
    },
    memory::MemoryStore,
    store::{OutboxStore, StoreErrorKind},
    transport::{
        TransportError, TransportErrorKind,
        channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
        realtime::{Limits, Realtime},
    },
    worker::RelayOptions,
};
use messaging_testkit::fake::{Effect, FailingStore};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

/// A world whose store fails on demand, with the conversations of carl and erin, fully published.
struct Fixture {
    messaging: Messaging,
    workers: Workers,
    store: FailingStore<MemoryStore>,
    realtime: Recorder,
    clock: ManualClock,
    carls: ConversationId,
    erins: ConversationId,
}

async fn fixture() -> Fixture {
    fixture_with(RelayOptions::default()).await
}

async fn fixture_with(relay: RelayOptions) -> Fixture {
    let store = FailingStore::new(MemoryStore::new());
    let (realtime, clock) = (Recorder::new(), ManualClock::new());
    let (messaging, workers) = Messaging::builder(store.clone(), People)
        .rate_limiter(Unlimited)
        .realtime(realtime.clone())
        .clock(clock.clone())
        .ids(SequentialIds::default())
        .options(Options::default().with_relay(relay))
        .build()
        .unwrap();
    let mut ids = Vec::new();
    for client in ["carl", "erin"] {
        let opened = messaging
            .open_conversation(&client_actor(client), &open("alpine", None))
            .await
            .unwrap();
        ids.push(opened.conversation.id());
    }
    while workers.relay().step().await.unwrap() > 0 {}
    realtime.take();
    Fixture {
        messaging,
        workers,
        store,
        realtime,
        clock,
        carls: ids[0],
        erins: ids[1],
    }
}

fn client_actor(id: &str) -> messaging_core::Actor {
    messaging_core::Actor::new(user(id), messaging_core::Role::Client)
}

impl Fixture {
    async fn send(&self, text: &str) {
        self.messaging
            .send_message(&carl(), &message(self.carls, text, None))
            .await
            .unwrap();
    }

    async fn send_as_erin(&self, text: &str) {
        let erin = client_actor("erin");
        self.messaging
            .send_message(&erin, &message(self.erins, text, None))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_slowly_refused_event_becomes_a_dead_letter() {
    let on = fixture().await;
    let clock = on.clock.clone();
    on.realtime.fail(move |batch| {
        let refused = batch.iter().any(|event| event.data.contains("poison"));
        if refused {
            clock.advance(3 * SECOND);
        }
        refused.then_some(TransportErrorKind::Refused)
    });
    on.send("poison").await;
    on.send("behind it").await;
    for _ in 0..20 {
        on.workers.relay().step().await.unwrap();
        on.clock.advance(2 * SECOND);
    }
    assert_eq!(texts(&on.realtime.take()), ["behind it"]);
    assert_eq!(
        on.store.inner().list_dead_letters(None, 10).await.unwrap().len(),
        1
    );
}

/// A directory that leaves its first query pending and answers later ones.
struct SlowAtFirst(AtomicBool);

#[async_trait::async_trait]
impl Directory for SlowAtFirst {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        if !self.0.swap(true, Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        People.profiles(query).await
    }

    async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(None)
    }

    async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> {
        Ok(None)
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}

#[tokio::test]
async fn a_send_cancelled_during_a_directory_lookup_blocks_nothing() {
    let opener = World::new();
    let id = opener.open().await;
    let directory = SlowAtFirst(AtomicBool::new(false));
    let world = World::on(opener.store.clone(), opener.clock.clone(), directory, |builder| {
        builder
    });
    let _worker = world.workers.relay().activate_worker();
    let (carl, request) = (carl(), message(id, "hello", None));
    let mut sending = Box::pin(world.messaging.send_message(&carl, &request));
    assert!(poll!(&mut sending).is_pending(), "the send waits for profiles");
    drop(sending);
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["hello"]);
}

#[tokio::test]
async fn a_transient_store_failure_repeats_no_event() {
    // The relay makes three calls for a message: claim, load, acknowledge.
    for failure in [
        StoreErrorKind::Retry,
        StoreErrorKind::Unavailable { retry_after: SECOND },
    ] {
        let on = fixture().await;
        on.send("once").await;
        on.store.fail(3, failure, Effect::None);
        let step = on.workers.relay().step();
        let advance = async {
            tokio::task::yield_now().await;
            on.clock.advance(SECOND);
        };
        let (stepped, ()) = tokio::join!(step, advance);
        stepped.unwrap();
        on.clock.advance(60 * SECOND);
        on.workers.relay().step().await.unwrap();
        assert_eq!(texts(&on.realtime.take()), ["once"], "{failure:?}");
        assert_eq!(on.messaging.operations().health().await.unwrap().backlog.lanes, 0);
    }
}

#[tokio::test]
async fn an_unreadable_lane_does_not_block_other_lanes() {
    let on = fixture().await;
    on.send("unreadable").await;
    on.clock.advance(SECOND);
    on.send_as_erin("fine").await;
    // Both lanes are claimed. Loading both fails, and then loading the first one alone.
    on.store.fail(2, StoreErrorKind::Corrupt, Effect::None);
    on.store.fail(3, StoreErrorKind::Corrupt, Effect::None);
    on.workers.relay().step().await.unwrap();
    assert_eq!(texts(&on.realtime.take()), ["fine"]);
    on.clock.advance(60 * SECOND);
    on.workers.relay().step().await.unwrap();
    assert_eq!(
        texts(&on.realtime.take()),
        ["unreadable"],
        "published once it is readable"
    );
}

#[tokio::test]
async fn a_failed_claim_does_not_lose_queued_lanes() {
    let on = fixture().await;
    let _worker = on.workers.relay().activate_worker();
    on.send("at hand").await;
    on.store.fail(
        1,
        StoreErrorKind::Unavailable { retry_after: SECOND },
        Effect::None,
    );
    on.workers.relay().step().await.unwrap_err();
    assert_eq!(texts(&on.realtime.take()), ["at hand"]);
}

#[tokio::test]
async fn a_hanging_claim_delays_neither_queued_lanes_nor_shutdown() {
    let on = fixture().await;
    let (published, mut events) = tokio::sync::mpsc::unbounded_channel();
    on.realtime.fail(move |batch| {
        published.send(batch.len()).unwrap();
        None
    });
    on.store.hang(1);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let Fixture {
        messaging,
        workers,
        clock,
        carls,
        realtime,
        ..
    } = on;
    let running = tokio::spawn(workers.run(async { drop(stopped.await) }));
    tokio::task::yield_now().await;
    messaging
        .send_message(&carl(), &message(carls, "at hand", None))
        .await
        .unwrap();
    events.recv().await.unwrap();
    stop.send(()).unwrap();
    while !running.is_finished() {
        tokio::task::yield_now().await;
        clock.advance(SECOND);
    }
    running.await.unwrap();
    assert_eq!(texts(&realtime.take()), ["at hand"]);
}

#[tokio::test]
async fn a_busy_conversation_does_not_delay_others() {
    let on = fixture_with(RelayOptions::default().with_concurrency(1)).await;
    on.realtime.set_limits(Limits {
        events_per_call: 1,
        data_bytes: 10_240,
    });
    for n in 0..300 {
        on.send(&n.to_string()).await;
    }
    on.clock.advance(SECOND);
    on.send_as_erin("me too").await;
    while on.workers.relay().step().await.unwrap() > 0 {}
    let texts = texts(&on.realtime.take());
    let place = texts.iter().position(|text| text == "me too").unwrap();
    assert_eq!(texts.len(), 301);
    assert!(place < 40, "published in place {place}");
}

/// Counts concurrent calls.
#[derive(Clone, Default)]
struct Counting {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Channels for Counting {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, TransportError> {
        Err(TransportError::new(
            TransportErrorKind::Misconfigured,
            "signing is not supported",
        ))
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait::async_trait]
impl Realtime for Counting {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 2,
            data_bytes: 10_240,
        }
    }

    async fn publish(&self, _: &[Event]) -> Result<(), TransportError> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        Ok(())
    }
}

#[tokio::test]
async fn concurrent_calls_do_not_exceed_the_limit() {
    for allowed in [1, 3] {
        let realtime = Counting::default();
        let options = Options::default().with_relay(RelayOptions::default().with_concurrency(allowed));
        let counted = realtime.clone();
        let world = World::with(|builder| builder.realtime(counted).options(options));
        for n in 0..20 {
            let client = client_actor(&format!("client-{n}"));
            world
                .messaging
                .open_conversation(&client, &open("alpine", None))
                .await
                .unwrap();
        }
        let World {
            messaging,
            workers,
            clock,
            ..
        } = world;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(workers.run(async { drop(stopped.await) }));
        while messaging.operations().health().await.unwrap().backlog.lanes > 0 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(250));
        }
        stop.send(()).unwrap();
        running.await.unwrap();
        assert_eq!(realtime.most.load(Ordering::Relaxed), allowed);
    }
}

#[tokio::test]
async fn after_a_halt_lanes_are_published_from_memory_again() {
    let on = fixture().await;
    let _worker = on.workers.relay().activate_worker();
    on.realtime.fail_next([TransportErrorKind::Misconfigured]);
    on.send("refused").await;
    on.workers.relay().step().await.unwrap();
    on.clock.advance(30 * SECOND);
    on.workers.relay().step().await.unwrap();
    assert_eq!(texts(&on.realtime.take()), ["refused"]);
    on.send("from memory").await;
    let other = World::on(on.store.inner().clone(), on.clock.clone(), People, |b| {
        b.ids(OtherIds::new(1))
    });
    other.drain().await;
    assert_eq!(other.realtime.take(), []);
    on.workers.relay().step().await.unwrap();
    assert_eq!(texts(&on.realtime.take()), ["from memory"]);
}

#[tokio::test]
async fn lanes_of_a_stopped_process_can_be_claimed_at_once() {
    let on = fixture().await;
    let relay = RelayOptions::default().with_drain(SECOND);
    let world = World::on(on.store.inner().clone(), on.clock.clone(), People, |builder| {
        builder
            .realtime(Stuck)
            .ids(OtherIds::new(2))
            .options(Options::default().with_relay(relay))
    });
    let World {
        messaging,
        workers,
        clock,
        ..
    } = world;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(workers.run(async { drop(stopped.await) }));
    tokio::task::yield_now().await;
    messaging
        .send_message(&carl(), &message(on.carls, "stuck", None))
        .await
        .unwrap();
    tokio::task::yield_now().await;
    stop.send(()).unwrap();
    while !running.is_finished() {
        tokio::task::yield_now().await;
        clock.advance(SECOND);
    }
    running.await.unwrap();
    on.workers.relay().step().await.unwrap();
    assert_eq!(texts(&on.realtime.take()), ["stuck"]);
}
