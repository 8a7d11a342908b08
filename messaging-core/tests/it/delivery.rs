//! Whatever the transport returns, and even if processes die: every event is published at least once, and the
//! first publications of a conversation are in commit order (invariants 8 and 9).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use messaging_core::{
    Actor, ConversationId, Role, Timestamp,
    clock::{Clock, ManualClock},
    event::Event,
    memory::MemoryStore,
    store::{EntryKind, OutboxStore},
    transport::TransportErrorKind,
};
use proptest::prelude::*;

use crate::support::*;

#[derive(Debug, Clone)]
enum Step {
    /// A client sends in one of the conversations, through one of the processes.
    Send { conversation: usize, process: usize },
    /// A process that owns its new lanes dies before it publishes, and another one starts.
    Crash { process: usize },
    /// A process publishes.
    Relay { process: usize },
    /// Moves the clock by that many milliseconds, forwards, or backwards within the tolerance of leases.
    Wait { millis: i64 },
    /// The next calls fail with these kinds; a call of unknown outcome may have been accepted.
    Fail { kinds: Vec<(TransportErrorKind, bool)> },
}

const CONVERSATIONS: usize = 3;
const PROCESSES: usize = 2;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use TransportErrorKind::{Busy, Misconfigured, OutcomeUnknown, Refused, Unavailable};
    let kind = prop_oneof![
        4 => Just(OutcomeUnknown),
        2 => Just(Unavailable),
        2 => Just(Busy { retry_after: None }),
        1 => Just(Misconfigured),
        2 => Just(Refused),
    ];
    let step = prop_oneof![
        6 => (0..CONVERSATIONS, 0..PROCESSES).prop_map(|(conversation, process)| Step::Send { conversation, process }),
        1 => (0..PROCESSES).prop_map(|process| Step::Crash { process }),
        4 => (0..PROCESSES).prop_map(|process| Step::Relay { process }),
        2 => (-2_000..20_000_i64).prop_map(|millis| Step::Wait { millis }),
        2 => prop::collection::vec((kind, any::<bool>()), 1..4).prop_map(|kinds| Step::Fail { kinds }),
    ];
    prop::collection::vec(step, 1..80)
}

/// The events that the transport accepted from all processes, in order.
type Accepted = Arc<Mutex<Vec<Event>>>;

fn process(store: &MemoryStore, clock: &ManualClock, accepted: &Accepted, number: usize) -> World {
    let ids = OtherIds::new(number);
    let world = World::on(store.clone(), clock.clone(), People, |builder| builder.ids(ids));
    script(&world, accepted, Vec::new());
    world
}

fn script(world: &World, accepted: &Accepted, kinds: Vec<(TransportErrorKind, bool)>) {
    let accepted = accepted.clone();
    let mut kinds = kinds.into_iter();
    world.realtime.fail(move |batch| {
        let (failure, is_accepted) = kinds.next().map_or((None, true), |(kind, late)| {
            (Some(kind), late && kind == TransportErrorKind::OutcomeUnknown)
        });
        if is_accepted {
            accepted.lock().unwrap().extend_from_slice(batch);
        }
        failure
    });
}

async fn check(steps: Vec<Step>) {
    let (store, clock, accepted) = (MemoryStore::new(), ManualClock::new(), Accepted::default());
    let mut started = 0..;
    let mut start = || process(&store, &clock, &accepted, started.next().unwrap());
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    let clients: Vec<_> = (0..CONVERSATIONS)
        .map(|n| Actor::new(user(&format!("c{n}")), Role::Client))
        .collect();
    let mut conversations = Vec::new();
    for client in &clients {
        let opened = processes[0]
            .messaging
            .open_conversation(client, &open("alpine", None))
            .await
            .unwrap();
        conversations.push(opened.conversation.summary.conversation.id);
    }
    let mut sent: BTreeMap<ConversationId, Vec<String>> = BTreeMap::new();
    for (n, step) in steps.into_iter().enumerate() {
        match step {
            Step::Send {
                conversation,
                process,
            } => {
                let process = &processes[process];
                let active = process.workers.relay().activate_worker();
                let (id, text) = (conversations[conversation], format!("message {n}"));
                process.send(&clients[conversation], id, &text).await;
                sent.entry(id).or_default().push(text);
                drop(active);
            }
            Step::Crash { process } => processes[process] = start(),
            Step::Relay { process } => drop(processes[process].workers.relay().step().await.unwrap()),
            Step::Wait { millis } => clock.set(Timestamp::from_millis(clock.now().as_millis() + millis)),
            Step::Fail { kinds } => processes
                .iter()
                .for_each(|world| script(world, &accepted, kinds.clone())),
        }
    }
    for world in &processes {
        script(world, &accepted, Vec::new());
    }
    for _ in 0..20 {
        clock.advance(Duration::from_secs(30));
        for world in &processes {
            world.drain().await;
        }
    }

    let accepted = std::mem::take(&mut *accepted.lock().unwrap());
    let dead: BTreeSet<_> = store
        .list_dead_letters(None, 1_000)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|dead| {
            let EntryKind::Message { seq } = dead.entry.kind else {
                return None;
            };
            Some((dead.entry.conversation_id, seq))
        })
        .collect();
    for (id, texts_sent) in sent {
        let channel = format!("private-conversation-{id}");
        let on_channel: Vec<_> = accepted
            .iter()
            .filter(|e| e.channel.as_str() == channel)
            .cloned()
            .collect();
        let mut seen = BTreeSet::new();
        let mut published = texts(&on_channel);
        published.retain(|text| seen.insert(text.clone()));
        // Dead letters may be missing. No other event is missing, and all are in order.
        let is_dead = |text: &String| dead.contains(&(id, place_of(text, &texts_sent)));
        let mut expected = texts_sent.clone();
        expected.retain(|text| published.contains(text) || !is_dead(text));
        assert_eq!(
            published, expected,
            "first publications are complete and in commit order"
        );
    }
    assert_eq!(
        processes[0]
            .messaging
            .operations()
            .health()
            .await
            .unwrap()
            .backlog
            .lanes,
        0
    );
}

/// Returns the seq of a text in its conversation.
fn place_of(text: &String, texts: &[String]) -> u64 {
    texts.iter().position(|other| other == text).unwrap() as u64 + 1
}

proptest! {
    #[test]
    fn every_event_is_published_at_least_once_and_first_in_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps));
    }
}
