//! The relay publishes at least once and in order, whatever the transport returns.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::*;
use TransportErrorKind::{Busy, Misconfigured, Refused, Unavailable};
use messaging_core::{
    Messaging, Options,
    clock::{Clock, ManualClock},
    host::directory::Profiles,
    memory::MemoryStore,
    store::OutboxStore,
    transport::{TransportErrorKind, realtime::Limits},
    worker::RelayOptions,
};

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_transport_that_is_down_does_not_fail_the_send() {
    let world = World::new();
    let id = world.open().await;
    world.realtime.fail(|_| Some(Unavailable));
    for text in ["one", "two", "three"] {
        world.send(&carl(), id, text).await;
    }
    for _ in 0..5 {
        world.drain().await;
        world.clock.advance(LONG);
    }
    assert_eq!(world.realtime.take(), []);
    let health = world.messaging.operations().health().await.unwrap();
    assert_eq!(health.oldest_unpublished, Some(5 * LONG));

    world.realtime.fail(|_| None);
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["one", "two", "three"]);
    assert_eq!(
        world
            .messaging
            .operations()
            .health()
            .await
            .unwrap()
            .oldest_unpublished,
        None
    );
}

#[tokio::test]
async fn a_lane_waits_longer_with_every_failure() {
    let world = World::new();
    let id = world.open().await;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (noted, clock) = (calls.clone(), world.clock.clone());
    world.realtime.fail(move |_| {
        noted.lock().unwrap().push(clock.now());
        Some(Unavailable)
    });
    world.send(&carl(), id, "one").await;
    for _ in 0..1_000 {
        world.drain().await;
        world.clock.advance(Duration::from_millis(50));
    }
    let calls = calls.lock().unwrap();
    let waits: Vec<_> = calls
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_millis())
        .collect();
    // The random factor in these tests is always one half.
    assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
}

#[tokio::test]
async fn a_busy_transport_gets_the_requested_pause() {
    let world = World::new();
    let id = world.open().await;
    world.realtime.fail_next([Busy {
        retry_after: Some(Duration::from_secs(20)),
    }]);
    world.send(&carl(), id, "one").await;
    world.drain().await;
    world.clock.advance(Duration::from_secs(19));
    world.drain().await;
    assert_eq!(world.realtime.calls(), 2);
    world.clock.advance(Duration::from_secs(1));
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["one"]);
}

#[tokio::test]
async fn an_event_refused_three_times_becomes_a_dead_letter_and_its_lane_continues() {
    let world = World::new();
    let id = world.open().await;
    world.realtime.fail(|batch| {
        batch
            .iter()
            .any(|event| event.data.contains("poison"))
            .then_some(Refused)
    });
    for text in ["one", "poison", "two"] {
        world.send(&carl(), id, text).await;
    }
    for seconds in [0, 1, 2] {
        assert_eq!(
            world.store.list_dead_letters(None, 10).await.unwrap(),
            [],
            "after {seconds} s"
        );
        world.drain().await;
        world.clock.advance(Duration::from_secs(2));
    }
    assert_eq!(texts(&world.realtime.take()), ["one", "two"]);
    let dead = world.store.list_dead_letters(None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].why, "refused by the transport: as scripted");
    let backlog = world.messaging.operations().health().await.unwrap().backlog;
    assert_eq!((backlog.lanes, backlog.dead_letters), (0, 1));
}

#[tokio::test]
async fn a_refused_event_does_not_fail_its_batch() {
    let world = World::new();
    world.realtime.fail(|batch| {
        batch
            .iter()
            .any(|event| event.data.contains("poison"))
            .then_some(Refused)
    });
    let (carls, others) = (world.open().await, open_as(&world, "erin").await);
    world.send(&carl(), carls, "poison").await;
    world.send(&actor("erin"), others, "fine").await;
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["fine"]);
}

#[tokio::test]
async fn a_failed_lane_is_published_alone_afterwards() {
    let world = World::new();
    world.realtime.fail(|batch| {
        batch
            .iter()
            .any(|event| event.data.contains("poison"))
            .then_some(Unavailable)
    });
    let (carls, others) = (world.open().await, open_as(&world, "erin").await);
    world.send(&carl(), carls, "poison").await;
    world.send(&actor("erin"), others, "fine").await;
    world.drain().await;
    assert_eq!(world.realtime.take(), [], "both events were in the failed call");
    world.clock.advance(LONG);
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["fine"]);
    assert_eq!(
        world.store.list_dead_letters(None, 10).await.unwrap(),
        [],
        "an outage makes no dead letter"
    );
}

#[tokio::test]
async fn with_a_full_queue_new_lanes_have_no_owner() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let mut relay = RelayOptions::default();
    relay.queue = 1;
    let options = Options::default().with_relay(relay);
    let world = World::on(store.clone(), clock.clone(), People, |builder| {
        builder.options(options)
    });
    let other = World::on(store, clock, People, |builder| builder.ids(OtherIds::new(1)));
    let (carls, erins) = (world.open().await, open_as(&world, "erin").await);
    let _worker = world.workers.relay().activate_worker();
    world.send(&carl(), carls, "kept").await;
    world.send(&actor("erin"), erins, "left").await;
    other.drain().await;
    assert_eq!(texts(&other.realtime.take()), ["left"]);
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["kept"]);
}

#[tokio::test]
async fn refused_credentials_halt_publishing_until_a_probe_succeeds() {
    let world = World::new();
    let (carls, others) = (world.open().await, open_as(&world, "erin").await);
    let before = world.realtime.calls();
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let noted = sizes.clone();
    world.realtime.fail(move |batch| {
        noted.lock().unwrap().push(batch.len());
        Some(Misconfigured)
    });
    world.send(&carl(), carls, "one").await;
    world.send(&actor("erin"), others, "two").await;
    for _ in 0..29 {
        world.drain().await;
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.realtime.calls() - before, 1);
    assert!(world.messaging.operations().health().await.unwrap().halted);

    world.clock.advance(Duration::from_secs(1));
    world.drain().await;
    assert_eq!(
        world.realtime.calls() - before,
        2,
        "a single probe of the credentials"
    );
    assert_eq!(
        *sizes.lock().unwrap(),
        [4, 2],
        "with the events of one conversation only"
    );
    assert!(world.messaging.operations().health().await.unwrap().halted);

    world.realtime.fail(|_| None);
    world.clock.advance(Duration::from_secs(30));
    world.drain().await;
    let mut texts = texts(&world.realtime.take());
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
    assert!(!world.messaging.operations().health().await.unwrap().halted);
    assert_eq!(world.store.list_dead_letters(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_transport_that_does_not_answer_counts_as_down() {
    let world = World::with(|builder| builder.realtime(Stuck));
    let open = messaging_core::OpenConversation::new(agent("alpine"));
    world.messaging.open_conversation(&carl(), &open).await.unwrap();
    let advance = async {
        tokio::task::yield_now().await;
        world.clock.advance(Duration::from_secs(5));
    };
    let (stepped, ()) = tokio::join!(world.workers.relay().step(), advance);
    assert_eq!(stepped.unwrap(), 1);
    assert_eq!(
        world.messaging.operations().health().await.unwrap().backlog.lanes,
        1
    );
}

#[tokio::test]
async fn events_of_many_conversations_share_calls_and_each_keeps_its_order() {
    let world = World::new();
    let mut conversations = Vec::new();
    for n in 0..10 {
        let client = format!("client-{n}");
        conversations.push((open_as(&world, &client).await, client));
    }
    let before = world.realtime.calls();
    for round in 0..3 {
        for (id, client) in &conversations {
            world
                .send(&actor(client), *id, &format!("{client} {round}"))
                .await;
        }
    }
    world.drain().await;
    let texts = texts(&world.realtime.take());
    for (_, client) in &conversations {
        let own: Vec<_> = texts
            .iter()
            .filter(|text| text.starts_with(&format!("{client} ")))
            .collect();
        assert_eq!(
            own,
            [
                &format!("{client} 0"),
                &format!("{client} 1"),
                &format!("{client} 2")
            ]
        );
    }
    assert_eq!(world.realtime.calls() - before, 6, "60 events, ten per call");
}

#[tokio::test]
async fn a_claim_asks_the_directory_once() {
    let mut directory = MockDirectory::new();
    directory.expect_agent_user().returning(|_| Ok(Some(user("ada"))));
    directory.expect_profiles().returning(|_| Ok(Profiles::default()));
    let world = World::on(MemoryStore::new(), ManualClock::new(), directory, |builder| {
        builder
    });
    let mut conversations = Vec::new();
    for n in 0..5 {
        let client = format!("client-{n}");
        conversations.push((open_as(&world, &client).await, client));
    }
    for (id, client) in conversations {
        world.send(&actor(&client), id, "hello").await;
    }
    let mut directory = MockDirectory::new();
    directory
        .expect_profiles()
        .times(1)
        .withf(|query| query.users.len() == 5)
        .returning(|_| Ok(Profiles::default()));
    let other = World::on(world.store.clone(), world.clock.clone(), directory, |builder| {
        builder
    });
    other.realtime.set_limits(Limits {
        events_per_call: 100,
        data_bytes: 10_240,
    });
    other.drain().await;
    assert_eq!(texts(&other.realtime.take()).len(), 5);
}

#[tokio::test]
async fn without_a_realtime_server_the_outbox_is_still_emptied() {
    let (messaging, workers) = Messaging::in_memory(People).build().unwrap();
    let open = messaging_core::OpenConversation::new(agent("alpine"));
    messaging.open_conversation(&carl(), &open).await.unwrap();
    while workers.relay().step().await.unwrap() > 0 {}
    assert_eq!(messaging.operations().health().await.unwrap().backlog.lanes, 0);
}

#[test]
fn a_prefix_that_no_channel_can_have_is_refused() {
    let builder =
        Messaging::builder(MemoryStore::new(), People).options(Options::default().with_channel_prefix("a b"));
    assert!(builder.build().is_err());
    assert!(RelayOptions::default().lease >= 2 * RelayOptions::default().call_timeout);
}

fn actor(id: &str) -> messaging_core::Actor {
    messaging_core::Actor::new(user(id), messaging_core::Role::Client)
}

async fn open_as(world: &World, client: &str) -> messaging_core::ConversationId {
    let open = messaging_core::OpenConversation::new(agent("alpine"));
    let opened = world
        .messaging
        .open_conversation(&actor(client), &open)
        .await
        .unwrap();
    world.drain().await;
    world.realtime.take();
    opened.conversation.summary.conversation.id
}
