//! Events of a conversation are published in order when several processes write and publish, when the owner
//! of a lane dies, and when it resumes after its lease has expired.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use messaging_core::{
    ConversationId, Timestamp,
    store::{ConversationStore as _, Direction, HistoryScan, Publisher},
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{at, conversation_id, limit, plan};
use proptest::{collection::vec, prelude::*};

use crate::support::postgres::{
    Bench,
    Moment::{self, After, Before},
    Process, Transport,
};

const LEASE: Duration = Duration::from_secs(10);

/// Two processes, the first of which has sent `one` and stops while it publishes. Through `joining`, 0 or 1, `two` and
/// `three` have joined its lane.
async fn stopped(
    joining: usize,
    calls: usize,
    moment: Moment,
) -> (Bench, Transport, [Process; 2], ConversationId) {
    let (bench, transport) = (Bench::new().await, Transport::default());
    let id = conversation_id(1_001);
    let mut processes = [1, 2].map(|n| Process::start(n, &bench, &transport));
    processes[1].publish().await;
    processes[0].send(1, id, "one").await;
    for text in ["two", "three"] {
        processes[joining].send(1, id, text).await;
    }
    processes[0].stop(calls, moment).await;
    assert!(processes[0].is_stopped());
    (bench, transport, processes, id)
}

#[tokio::test]
async fn a_worker_resuming_after_its_lease_repeats_one_call_and_acknowledges_nothing() {
    // What joined through another process is loaded after the acknowledgement of what is in memory.
    for (joining, calls, moment, acknowledged) in [
        (0, 1, Before, 0),
        (0, 1, After, 0),
        (0, 2, Before, 0),
        (0, 2, After, 0),
        (1, 1, Before, 0),
        (1, 1, After, 0),
        (1, 2, Before, 1),
        (1, 2, After, 1),
    ] {
        let (bench, transport, [mut first, second], id) = stopped(joining, calls, moment).await;
        let published_before: Vec<String> = transport.take(id);
        assert_eq!(
            published_before.len(),
            if moment == Before { calls - 1 } else { calls }
        );
        second.tick(at(0) + LEASE - Duration::from_millis(1));
        second.send(1, id, "four").await;
        second.publish().await;
        assert_eq!(transport.take(id), [""; 0], "the lane has an owner");
        second.tick(at(0) + LEASE);
        second.publish().await;
        let all = ["one", "two", "three", "four"];
        // Publishing continues after the last acknowledged event.
        assert_eq!(transport.take(id), all[acknowledged..]);

        first.resume(at(0) + LEASE).await;
        let late = transport.take(id);
        match moment {
            Before => assert_eq!(late, [all[calls - 1]]),
            After => assert_eq!(late, [""; 0]),
        }
        first.publish().await;
        assert_eq!(transport.take(id), [""; 0]);
        first.send(1, id, "five").await;
        first.publish().await;
        assert_eq!(transport.take(id), ["five"]);
        assert_eq!(bench.messages().await, 5);
    }
}

#[tokio::test]
async fn a_worker_resuming_within_its_lease_continues() {
    for moment in [Before, After] {
        let (_bench, transport, [mut first, second], id) = stopped(0, 1, moment).await;
        second.tick(at(4));
        second.publish().await;
        first.resume(at(4)).await;
        first.publish().await;
        second.publish().await;
        assert_eq!(transport.take(id), ["one", "two", "three"]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Concurrent sends to a conversation, one through each of these processes.
    Send(usize, Vec<usize>),
    Publish(usize),
    /// A process publishes and stops at the given call.
    Stop(usize, usize, Moment),
    Resume(usize),
    /// A process dies, and another one replaces it.
    Die(usize),
    Wait(Duration),
}

const PROCESSES: usize = 3;
const CONVERSATIONS: usize = 2;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = || 0..PROCESSES;
    let moment = prop_oneof![Just(Before), Just(After)];
    let step = prop_oneof![
        6 => (0..CONVERSATIONS, vec(process(), 1..4)).prop_map(|(to, through)| Step::Send(to, through)),
        3 => process().prop_map(Step::Publish),
        3 => (process(), 1..4_usize, moment).prop_map(|(process, calls, moment)| Step::Stop(process, calls, moment)),
        2 => process().prop_map(Step::Resume),
        1 => process().prop_map(Step::Die),
        3 => (0..15_000_u64).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ];
    vec(step, 1..40)
}

struct World {
    bench: Bench,
    transport: Transport,
    processes: Vec<Process>,
    started: u8,
    now: Timestamp,
}

impl World {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let store = bench.store();
        store.open(&plan(2, 1), Publisher::Anyone).await.unwrap();
        let mut world = Self {
            bench,
            transport: Transport::default(),
            processes: Vec::new(),
            started: 0,
            now: at(0),
        };
        for _ in 0..PROCESSES {
            let process = world.start();
            world.processes.push(process);
        }
        world
    }

    fn start(&mut self) -> Process {
        self.started += 1;
        let process = Process::start(self.started, &self.bench, &self.transport);
        process.tick(self.now);
        process
    }

    async fn take(&mut self, n: usize, step: Step) {
        match step {
            Step::Send(to, through) => {
                let sends = through.iter().zip('a'..).map(async |(process, letter)| {
                    let process = &self.processes[*process];
                    if !process.is_stopped() {
                        let (client, id) = conversation(to);
                        process.send(client, id, &format!("{n}{letter}")).await;
                    }
                });
                join_all(sends).await;
            }
            Step::Publish(process) if !self.processes[process].is_stopped() => {
                self.processes[process].publish().await;
            }
            Step::Stop(process, calls, moment) if !self.processes[process].is_stopped() => {
                self.processes[process].stop(calls, moment).await;
            }
            Step::Publish(_) | Step::Stop(..) => {}
            Step::Resume(process) => self.processes[process].resume(self.now).await,
            Step::Die(process) => {
                let next = self.start();
                std::mem::replace(&mut self.processes[process], next).die();
            }
            Step::Wait(time) => self.wait(time),
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for process in &self.processes {
            process.tick(self.now);
        }
    }

    /// Resumes all stopped processes, and publishes everything.
    async fn finish(&mut self) {
        for process in &mut self.processes {
            process.resume(self.now).await;
        }
        for _ in 0..3 {
            self.wait(2 * LEASE);
            for process in &self.processes {
                process.publish().await;
            }
        }
    }
}

fn conversation(n: usize) -> (u64, ConversationId) {
    let client = n as u64 + 1;
    (client, conversation_id(1_000 * client + 1))
}

/// Returns the texts of a conversation's messages, in commit order.
async fn committed_texts(store: &PgStore, id: ConversationId) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let scan = HistoryScan::new(id, Direction::After(texts.len() as u64), limit(100));
        let page = store.list_messages(&scan).await.unwrap().unwrap();
        texts.extend(
            page.rows
                .iter()
                .map(|row| row.message.body.stored_text().to_owned()),
        );
        if !page.has_more {
            return texts;
        }
    }
}

async fn check(steps: Vec<Step>) {
    let mut world = World::new().await;
    for (n, step) in steps.into_iter().enumerate() {
        world.take(n, step).await;
    }
    world.finish().await;
    let store = world.bench.store();
    for (_, id) in (0..CONVERSATIONS).map(conversation) {
        let mut seen = BTreeSet::new();
        let mut first = world.transport.take(id);
        first.retain(|text| seen.insert(text.clone()));
        assert_eq!(first, committed_texts(&store, id).await, "first publications");
    }
    assert_eq!(
        world.processes[0]
            .messaging
            .operations()
            .health()
            .await
            .unwrap()
            .backlog
            .lanes,
        0
    );
    world.bench.messages().await;
}

/// Few cases: each creates a schema and three pools, and so takes longer than other cases.
fn cases() -> ProptestConfig {
    let all = ProptestConfig::default();
    ProptestConfig {
        cases: all.cases.div_ceil(8),
        failure_persistence: None,
        ..all
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn every_event_is_published_at_least_once_and_first_in_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps));
    }
}
