//! The right to publish: leases, takeovers, and the loops that drive the relay.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use messaging_core::{Workers, clock::ManualClock, memory::MemoryStore, transport::realtime::Limits};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
};

use crate::support::*;

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_driven_relay_publishes_its_own_lanes_from_memory() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let world = World::on(store.clone(), clock.clone(), People, |builder| builder);
    let other = World::on(store, clock, People, |builder| builder.ids(OtherIds::new(1)));
    let id = world.open().await;
    let active = world.workers.relay().activate_worker();
    world.send(&carl(), id, "one").await;
    other.drain().await;
    assert_eq!(
        other.realtime.take(),
        [],
        "the lane belongs to the process that created it"
    );
    world.drain().await;
    assert_eq!(texts(&world.realtime.take()), ["one"]);
    drop(active);
    world.send(&carl(), id, "two").await;
    other.drain().await;
    assert_eq!(texts(&other.realtime.take()), ["two"]);
}

#[tokio::test]
async fn another_process_claims_a_lane_after_its_lease_expires() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let stopped = World::on(store.clone(), clock.clone(), People, |builder| builder);
    let running = World::on(store, clock, People, |builder| builder.ids(OtherIds::new(1)));
    let id = stopped.open().await;
    let _worker = stopped.workers.relay().activate_worker();
    stopped.send(&carl(), id, "one").await;
    running.send(&carl(), id, "two").await;
    running.clock.advance(Duration::from_millis(9_999));
    running.drain().await;
    assert_eq!(running.realtime.take(), []);
    running.clock.advance(Duration::from_millis(1));
    running.drain().await;
    assert_eq!(texts(&running.realtime.take()), ["one", "two"]);
    stopped.drain().await;
    assert_eq!(
        stopped.realtime.take(),
        [],
        "a process without its lease makes no call"
    );
}

#[tokio::test]
async fn a_round_with_an_expired_lease_makes_no_call_and_acknowledges_nothing() {
    let world = World::new();
    let id = world.open().await;
    world.realtime.set_limits(Limits {
        events_per_call: 1,
        data_bytes: 10_240,
    });
    for text in ["one", "two", "three"] {
        world.send(&carl(), id, text).await;
    }
    let (clock, calls) = (world.clock.clone(), AtomicUsize::new(0));
    world.realtime.fail(move |_| {
        // The third call, for the second message, takes long.
        if calls.fetch_add(1, Ordering::Relaxed) == 2 {
            clock.advance(Duration::from_secs(11));
        }
        None
    });
    assert_eq!(world.workers.relay().step().await.unwrap(), 1);
    world.realtime.fail(|_| None);
    assert_eq!(texts(&world.realtime.take()), ["one", "two"]);
    world.drain().await;
    world.clock.advance(LONG);
    world.drain().await;
    let rest = texts(&world.realtime.take());
    assert!(rest.ends_with(&["three".to_owned()]), "{rest:?}");
    assert_eq!(
        world.messaging.operations().health().await.unwrap().backlog.lanes,
        0
    );
}

#[tokio::test]
async fn running_workers_publish_at_once_and_drain_when_stopped() {
    let world = World::new();
    let id = world.open().await;
    let World {
        messaging,
        workers,
        realtime,
        ..
    } = world;
    let mut events = calls_of(&realtime);
    let (stop, running) = start(workers).await;
    // The clock stands still, so that no step waits for a probe.
    for text in ["one", "two"] {
        messaging
            .send_message(&carl(), &message(id, text, None))
            .await
            .unwrap();
        events.recv().await.unwrap();
    }
    messaging
        .send_message(&carl(), &message(id, "three", None))
        .await
        .unwrap();
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(texts(&realtime.take()), ["one", "two", "three"]);
    assert_eq!(messaging.operations().health().await.unwrap().backlog.lanes, 0);
}

#[tokio::test]
async fn waking_publishes_entries_committed_by_the_host() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let world = World::on(store.clone(), clock.clone(), People, |builder| builder);
    let host = World::on(store, clock, People, |builder| builder.ids(OtherIds::new(1)));
    let World {
        messaging,
        workers,
        realtime,
        ..
    } = world;
    let mut events = calls_of(&realtime);
    let (stop, running) = start(workers).await;
    let open = messaging_core::HostOpen::new(&user("carl"), &agent("alpine"), &user("ada"));
    host.messaging
        .operations()
        .open_prepared(&host.messaging.operations().prepare_open(open).unwrap())
        .await
        .unwrap();
    messaging.operations().wake();
    assert_eq!(events.recv().await, Some(2));
    stop.send(()).unwrap();
    running.await.unwrap();
}

/// Reports the number of events of each call to the transport from now on.
fn calls_of(realtime: &Recorder) -> UnboundedReceiver<usize> {
    let (published, events) = unbounded_channel();
    realtime.fail(move |batch| {
        published.send(batch.len()).unwrap();
        None
    });
    events
}

async fn start(workers: Workers) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(workers.run(async { drop(stopped.await) }));
    tokio::task::yield_now().await;
    (stop, running)
}
