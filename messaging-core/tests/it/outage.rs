//! Publishing during an outage of the transport.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{Either, select};
use messaging_core::{
    Actor, ConversationId, Options, Role,
    clock::Clock as _,
    time::Timestamp,
    transport::{
        TransportErrorKind::{self, Busy, Refused, Unavailable},
        realtime::Limits,
    },
    worker::RelayOptions,
};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

fn client(n: usize) -> Actor {
    Actor::new(user(&format!("client-{n}")), Role::Client)
}

/// Opens a conversation for each of `count` clients, and publishes everything.
async fn conversations(world: &World, count: usize) -> Vec<ConversationId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let (client, open) = (client(n), open("alpine", None));
        let opened = world.messaging.open_conversation(&client, &open).await;
        ids.push(opened.unwrap().conversation.id());
    }
    world.drain().await;
    world.realtime.take();
    ids
}

/// Sends a message from each client.
async fn send_from_all(world: &World, ids: &[ConversationId]) {
    send_as(world, ids, 0..ids.len()).await;
}

async fn send_as(world: &World, ids: &[ConversationId], clients: Range<usize>) {
    for n in clients {
        world.send(&client(n), ids[n], &format!("of {n}")).await;
    }
}

/// Sets limits under which each call contains the message of one conversation.
fn one_conversation_per_call(world: &World) {
    world.realtime.set_limits(Limits {
        events_per_call: 2,
        data_bytes: 10_240,
    });
}

async fn drain_for(world: &World, seconds: u32) {
    for _ in 0..10 * seconds {
        world.drain().await;
        world.clock.advance(SECOND / 10);
    }
}

#[tokio::test]
async fn during_an_outage_one_lane_at_a_time_tries_the_transport() {
    let world = World::new();
    let ids = conversations(&world, 40).await;
    one_conversation_per_call(&world);
    world.realtime.fail(|_| Some(Unavailable));
    let before = world.realtime.calls();
    send_from_all(&world, &ids).await;
    drain_for(&world, 60).await;
    // Three lanes and the calls in progress, then tries after 0.25, 0.5, 1, 2, 4 s and at most every 5 s.
    let calls = world.realtime.calls() - before;
    assert!((12..=40).contains(&calls), "{calls} calls in a minute");
    assert!(
        !world.messaging.operations().health().await.unwrap().halted,
        "only refused credentials halt publishing"
    );
    assert_eq!(
        world.messaging.operations().health().await.unwrap().backlog.lanes,
        40
    );

    world.realtime.fail(|_| None);
    drain_for(&world, 40).await;
    let mut found = texts(&world.realtime.take());
    found.sort();
    let mut expected: Vec<_> = (0..40).map(|n| format!("of {n}")).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn during_an_outage_new_lanes_have_no_owner() {
    let world = World::new();
    let ids = conversations(&world, 40).await;
    one_conversation_per_call(&world);
    world.realtime.fail(|_| Some(Unavailable));
    send_as(&world, &ids, 0..20).await;
    let _worker = world.workers.relay().activate_worker();
    world.drain().await;
    send_as(&world, &ids, 20..40).await;
    // Another process, whose breaker is closed, claims the later messages at once.
    let other = World::on(world.store.clone(), world.clock.clone(), People, |builder| {
        builder.ids(OtherIds::new(1))
    });
    other.drain().await;
    let found = texts(&other.realtime.take());
    for n in 20..40 {
        assert!(found.contains(&format!("of {n}")), "{n}: {found:?}");
    }
}

#[tokio::test]
async fn an_event_that_fails_the_transport_does_not_block_other_conversations() {
    let world = World::new();
    let ids = conversations(&world, 2).await;
    let choke = |batch: &[messaging_core::event::Event]| -> Option<TransportErrorKind> {
        batch
            .iter()
            .any(|event| event.data.contains("poison"))
            .then_some(Unavailable)
    };
    world.realtime.fail(choke);
    world.send(&client(0), ids[0], "poison").await;
    for n in 0..30 {
        drain_for(&world, 1).await;
        world.send(&client(1), ids[1], &format!("{n}")).await;
        world.drain().await;
        assert_eq!(texts(&world.realtime.take()), [n.to_string()]);
    }
}

#[tokio::test]
async fn a_requested_pause_applies_to_all_lanes() {
    let world = World::new();
    let ids = conversations(&world, 5).await;
    one_conversation_per_call(&world);
    let retry_after = Some(7 * SECOND);
    world.realtime.fail(move |_| Some(Busy { retry_after }));
    let before = world.realtime.calls();
    send_from_all(&world, &ids).await;
    world.drain().await;
    let at_first = world.realtime.calls() - before;
    drain_for(&world, 6).await;
    assert_eq!(world.realtime.calls() - before, at_first);
    world.realtime.fail(|_| None);
    drain_for(&world, 2).await;
    assert_eq!(texts(&world.realtime.take()).len(), 5);
}

#[tokio::test]
async fn calls_ramp_up_after_an_outage() {
    const LANES: usize = 300;
    let relay = RelayOptions::default().with_drain_rate(20);
    let world = World::with(|builder| builder.options(Options::default().with_relay(relay)));
    let ids = conversations(&world, LANES).await;
    one_conversation_per_call(&world);
    world.realtime.fail(|_| Some(Unavailable));
    send_from_all(&world, &ids).await;
    drain_for(&world, 10).await;

    let start = world.clock.now();
    let calls: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let (noted, clock) = (calls.clone(), world.clock.clone());
    world.realtime.fail(move |_| {
        noted.lock().unwrap().push(clock.now());
        None
    });
    while world.messaging.operations().health().await.unwrap().backlog.lanes > 0 {
        let mut step = Box::pin(world.drain());
        loop {
            let moved = Box::pin(async {
                tokio::task::yield_now().await;
                world.clock.advance(Duration::from_millis(10));
            });
            match select(step, moved).await {
                Either::Left(_) => break,
                Either::Right(((), going_on)) => step = going_on,
            }
        }
        world.clock.advance(Duration::from_millis(10));
    }
    let calls = calls.lock().unwrap();
    let within = |seconds: u32| {
        let end = start + seconds * SECOND;
        calls.iter().filter(|at| **at <= end).count()
    };
    assert_eq!(calls.len(), LANES);
    // 20 at once, then 20 per second, and 40 per second after five seconds.
    for (seconds, bound) in [(1, 41), (2, 61), (5, 121), (6, 161), (9, 281)] {
        let made = within(seconds);
        assert!(made <= bound, "{made} calls within {seconds} s");
    }
    assert_eq!(texts(&world.realtime.take()).len(), LANES);
}

#[tokio::test]
async fn published_entries_are_counted() {
    let world = World::new();
    let ids = conversations(&world, 1).await;
    let counted = Counted::begin();
    world.realtime.fail_next([Unavailable, Refused]);
    world.send(&client(0), ids[0], "hello").await;
    drain_for(&world, 3).await;
    let so_far = counted.take();
    let calls = "messaging_realtime_calls_total";
    assert_eq!(so_far[&format!("{calls} outcome=down")], [1.0]);
    assert_eq!(so_far[&format!("{calls} outcome=refused")], [1.0]);
    assert_eq!(
        so_far[&format!("{calls} outcome=accepted")],
        [2.0],
        "one call per event"
    );
    assert_eq!(so_far["messaging_events_total"], [2.0]);
    assert_eq!(so_far["messaging_published_total"], [1.0]);
    assert_eq!(so_far["messaging_retried_total"], [1.0]);
    assert_eq!(so_far.get("messaging_dead_letters_total"), None);
    let took = &so_far["messaging_publish_seconds"];
    assert!(took.len() == 1 && (0.1..1.0).contains(&took[0]), "{took:?}");

    world.realtime.fail(|_| Some(Refused));
    world.send(&client(0), ids[0], "never").await;
    drain_for(&world, 10).await;
    assert_eq!(counted.take()["messaging_dead_letters_total"], [1.0]);
}

#[tokio::test]
async fn a_dead_letter_can_be_requeued_and_is_published_once() {
    let world = World::new();
    let ids = conversations(&world, 1).await;
    world.realtime.fail(|_| Some(Refused));
    world.send(&client(0), ids[0], "refused").await;
    drain_for(&world, 10).await;
    let dead = world
        .messaging
        .operations()
        .list_dead_letters(None, 10)
        .await
        .unwrap();
    assert_eq!(dead.len(), 1);
    let number = dead[0].entry.number;

    world.realtime.fail(|_| None);
    world.send(&client(0), ids[0], "next").await;
    let _worker = world.workers.relay().activate_worker();
    assert!(
        world
            .messaging
            .operations()
            .requeue(ids[0], number)
            .await
            .unwrap()
    );
    assert!(
        !world
            .messaging
            .operations()
            .requeue(ids[0], number)
            .await
            .unwrap()
    );
    assert!(
        !world
            .messaging
            .operations()
            .requeue(unknown_conversation(), 1)
            .await
            .unwrap()
    );
    world.drain().await;
    assert_eq!(
        texts(&world.realtime.take()),
        ["next", "refused"],
        "the requeued event is the newest"
    );
    assert_eq!(
        world
            .messaging
            .operations()
            .list_dead_letters(None, 10)
            .await
            .unwrap(),
        []
    );

    // Without other unpublished events, the requeued lane is queued in the process and needs no claim.
    world.realtime.fail(|_| Some(Refused));
    world.send(&client(0), ids[0], "again").await;
    drain_for(&world, 10).await;
    world.realtime.fail(|_| None);
    let dead = world
        .messaging
        .operations()
        .list_dead_letters(None, 10)
        .await
        .unwrap();
    let number = dead[0].entry.number;
    assert!(
        world
            .messaging
            .operations()
            .requeue(ids[0], number)
            .await
            .unwrap()
    );
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["again"]);
}
