//! What a worker has delivered is acknowledged with other lanes; what joins a lane meanwhile is published from memory.

use std::time::Duration;

use messaging_core::{
    Actor, ConversationId, Messaging, OpenConversation, Role, Workers,
    clock::{Clock as _, ManualClock, SequentialIds},
    host::rate_limit::Unlimited,
    id::WorkerId,
    memory::MemoryStore,
    store::{Claim, OutboxStore as _},
    transport::TransportErrorKind,
    worker::Relay,
};
use messaging_testkit::fake::FailingStore;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::*;

const ACKNOWLEDGING: &str = "acknowledging";
const CLAIMING: &str = "claiming lanes";
const LOADING: &str = "loading entries";
const DEFERRING: &str = "deferring lanes";

/// How long a delivered lane waits for others.
const WAIT: Duration = Duration::from_millis(10);

/// A process whose calls of the store are counted.
struct Process {
    messaging: Messaging,
    /// `None` while they run.
    workers: Option<Workers>,
    store: FailingStore<MemoryStore>,
    realtime: Recorder,
    clock: ManualClock,
}

impl Process {
    fn new() -> Self {
        Self::beside(MemoryStore::new(), ManualClock::new(), 0)
    }

    fn beside(store: MemoryStore, clock: ManualClock, number: usize) -> Self {
        let (store, realtime) = (FailingStore::new(store), Recorder::new());
        let builder = Messaging::builder(store.clone(), People)
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone());
        let builder = match number {
            0 => builder.ids(SequentialIds::default()),
            _ => builder.ids(OtherIds::new(number)),
        };
        let (messaging, workers) = builder.build().unwrap();
        Self {
            messaging,
            workers: Some(workers),
            store,
            realtime,
            clock,
        }
    }

    fn relay(&self) -> &Relay {
        self.workers.as_ref().unwrap().relay()
    }

    /// Opens carl's conversation, and publishes its events.
    async fn open(&self) -> ConversationId {
        self.open_as(&carl()).await
    }

    async fn open_as(&self, client: &Actor) -> ConversationId {
        let open = OpenConversation::new(agent("alpine"));
        let opened = self.messaging.open_conversation(client, &open).await.unwrap();
        self.drain().await;
        self.realtime.take();
        opened.conversation.summary.conversation.id
    }

    async fn send(&self, to: ConversationId, text: &str) {
        self.send_as(&carl(), to, text).await;
    }

    async fn send_as(&self, from: &Actor, to: ConversationId, text: &str) {
        let message = message(to, text, None);
        self.messaging.send_message(from, &message).await.unwrap();
    }

    async fn drain(&self) {
        while self.step().await > 0 {}
    }

    async fn step(&self) -> usize {
        self.relay().step().await.unwrap()
    }

    /// The number of calls of these steps of the store since `before`.
    fn calls(&self) -> Calls {
        Calls {
            acknowledging: self.store.calls_of(ACKNOWLEDGING),
            loading: self.store.calls_of(LOADING),
        }
    }

    async fn lanes(&self) -> u64 {
        self.messaging.operations().health().await.unwrap().backlog.lanes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Calls {
    acknowledging: u64,
    loading: u64,
}

impl Calls {
    fn since(self, before: Self) -> (u64, u64) {
        (
            self.acknowledging - before.acknowledging,
            self.loading - before.loading,
        )
    }
}

#[tokio::test]
async fn messages_that_join_a_lane_are_published_from_memory_with_one_acknowledgement() {
    let process = Process::new();
    let id = process.open().await;
    let active = process.relay().activate_worker();
    let before = process.calls();
    for text in ["one", "two", "three"] {
        process.send(id, text).await;
    }
    assert_eq!(
        process.step().await,
        2,
        "a round for the first, one for those that joined"
    );
    assert_eq!(texts(&process.realtime.take()), ["one", "two", "three"]);
    assert_eq!(process.calls().since(before), (1, 0));
    assert_eq!(process.lanes().await, 0);
    drop(active);
}

#[tokio::test]
async fn a_message_of_another_process_amid_them_is_loaded_and_the_order_is_kept() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let process = Process::beside(store.clone(), clock.clone(), 0);
    let other = Process::beside(store, clock, 1);
    let id = process.open().await;
    let active = process.relay().activate_worker();
    let before = process.calls();
    process.send(id, "one").await;
    process.send(id, "two").await;
    other.send(id, "three").await;
    process.send(id, "four").await;
    process.drain().await;
    assert_eq!(texts(&process.realtime.take()), ["one", "two", "three", "four"]);
    assert_eq!(process.calls().since(before), (2, 1));
    assert_eq!(process.lanes().await, 0);
    drop(active);
}

#[tokio::test]
async fn more_messages_than_one_acknowledgement_covers_are_all_published_in_order() {
    let process = Process::new();
    let id = process.open().await;
    let active = process.relay().activate_worker();
    let before = process.calls();
    let sent: Vec<_> = (0..300).map(|n| format!("message {n}")).collect();
    for text in &sent {
        process.send(id, text).await;
    }
    process.drain().await;
    assert_eq!(texts(&process.realtime.take()), sent);
    assert_eq!(process.calls().since(before), (2, 0));
    assert_eq!(process.lanes().await, 0);
    drop(active);
}

#[tokio::test]
async fn messages_beyond_the_room_in_memory_are_loaded() {
    let process = Process::new();
    let id = process.open().await;
    let active = process.relay().activate_worker();
    let sent: Vec<_> = (0..1_100).map(|n| format!("message {n}")).collect();
    let before = process.calls();
    for text in &sent {
        process.send(id, text).await;
    }
    process.drain().await;
    assert_eq!(texts(&process.realtime.take()), sent);
    assert!(process.calls().since(before).1 > 0);
    assert_eq!(process.lanes().await, 0);
    drop(active);
}

#[tokio::test]
async fn a_failure_after_messages_were_delivered_from_memory_repeats_none_of_them() {
    let process = Process::new();
    let id = process.open().await;
    let active = process.relay().activate_worker();
    for text in ["one", "two", "three"] {
        process.send(id, text).await;
    }
    let mut calls = 0;
    process.realtime.fail(move |_| {
        calls += 1;
        (calls == 2).then_some(TransportErrorKind::Unavailable)
    });
    process.step().await;
    assert_eq!(texts(&process.realtime.take()), ["one"]);
    process.clock.advance(Duration::from_mins(1));
    process.drain().await;
    assert_eq!(texts(&process.realtime.take()), ["two", "three"]);
    assert_eq!(process.lanes().await, 0);
    drop(active);
}

#[tokio::test]
async fn a_lane_under_an_expired_lease_is_not_continued_from_memory() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let process = Process::beside(store.clone(), clock.clone(), 0);
    let id = process.open().await;
    let active = process.relay().activate_worker();
    process.send(id, "one").await;
    process.send(id, "two").await;
    clock.advance(Duration::from_secs(10));
    let (worker, now) = (WorkerId::new(uuid::Uuid::from_u128(9)), clock.now());
    let claim = Claim::new(worker, now, now + Duration::from_secs(10), 9);
    assert_eq!(store.claim_lanes(&claim).await.unwrap().len(), 1);
    process.send(id, "three").await;
    process.step().await;
    assert_eq!(process.realtime.take(), []);
    drop(active);
}

#[tokio::test]
async fn running_workers_acknowledge_the_lanes_of_some_milliseconds_together() {
    let process = Process::new();
    let clients = ["carl", "mallory", "dora"].map(|id| Actor::new(user(id), Role::Client));
    let mut conversations = Vec::new();
    for client in &clients {
        conversations.push(process.open_as(client).await);
    }
    let before = process.calls();
    let (process, running) = process.run().await;
    for (client, id) in clients.iter().zip(&conversations) {
        process.send_as(client, *id, "hello").await;
        idle().await;
    }
    assert_eq!(
        texts(&process.realtime.take()).len(),
        3,
        "published without a wait"
    );
    assert_eq!(process.calls().since(before), (0, 0));
    process.clock.advance(WAIT);
    idle().await;
    assert_eq!(process.calls().since(before), (1, 0));
    process.clock.advance(Duration::from_secs(1));
    idle().await;
    assert_eq!(process.lanes().await, 0);
    running.stop().await;
    assert_eq!(process.calls().since(before), (1, 0));
}

#[tokio::test]
async fn a_full_acknowledgement_does_not_wait() {
    const LANES: usize = 64;
    let process = Process::new();
    let clients: Vec<_> = (0..LANES)
        .map(|n| Actor::new(user(&format!("c{n}")), Role::Client))
        .collect();
    let mut conversations = Vec::new();
    for client in &clients {
        conversations.push(process.open_as(client).await);
    }
    let before = process.calls();
    let (process, running) = process.run().await;
    for (client, id) in clients.iter().zip(&conversations) {
        process.send_as(client, *id, "hello").await;
    }
    idle().await;
    assert_eq!(process.calls().since(before), (1, 0));
    running.stop().await;
}

#[tokio::test]
async fn lanes_beyond_a_full_claim_are_claimed_without_a_pause() {
    const LANES: usize = 200;
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let process = Process::beside(store.clone(), clock.clone(), 0);
    // Its workers do not run: each of its lanes is left to others.
    let other = Process::beside(store, clock, 1);
    for n in 0..LANES {
        let client = Actor::new(user(&format!("c{n}")), Role::Client);
        let open = OpenConversation::new(agent("alpine"));
        let opened = other.messaging.open_conversation(&client, &open).await.unwrap();
        let id = opened.conversation.summary.conversation.id;
        other.send_as(&client, id, "hello").await;
    }
    let (process, running) = process.run().await;
    idle().await;
    assert_eq!(texts(&process.realtime.take()).len(), LANES);
    assert!(process.store.calls_of(CLAIMING) <= 8, "claims are large");
    running.stop().await;
}

#[tokio::test]
async fn stopping_acknowledges_what_waits() {
    let process = Process::new();
    let id = process.open().await;
    let before = process.calls();
    let (process, running) = process.run().await;
    process.send(id, "hello").await;
    idle().await;
    assert_eq!(process.calls().since(before), (0, 0));
    running.stop().await;
    assert_eq!(process.calls().since(before), (1, 0));
    assert_eq!(process.lanes().await, 0);
}

#[tokio::test]
async fn a_lane_that_failed_is_deferred_without_waiting_for_others() {
    let process = Process::new();
    let id = process.open().await;
    process.realtime.fail(|_| Some(TransportErrorKind::Unavailable));
    let (process, running) = process.run().await;
    process.send(id, "hello").await;
    idle().await;
    assert_eq!(process.store.calls_of(DEFERRING), 1);
    running.stop().await;
}

/// Workers that run.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap();
    }
}

impl Process {
    async fn run(mut self) -> (Self, Running) {
        let (stop, stopped) = oneshot::channel();
        let workers = self.workers.take().unwrap();
        let ended = tokio::spawn(workers.run(async { drop(stopped.await) }));
        idle().await;
        (self, Running { stop, ended })
    }
}

/// Lets the workers take all steps that need no time to pass.
async fn idle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
