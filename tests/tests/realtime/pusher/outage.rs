//! An outage of the realtime server for half a minute under load.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use messaging_tests::{Caller, Patience, Server, Subscriber, eventually};

use crate::pusher::support::{Fixture, metric};

const CONVERSATIONS: usize = 8;
const BEFORE: Duration = Duration::from_secs(8);
const OUTAGE: Duration = Duration::from_secs(30);

/// The sends of one client, with the duration of each.
#[derive(Default)]
struct Load {
    before: Vec<Duration>,
    during: Vec<Duration>,
    sent: usize,
}

/// Sends messages one after the other, each of which must be acknowledged.
fn keep_sending(caller: &Caller, id: &str, is_out: &AtomicBool, is_over: &AtomicBool) -> Load {
    let mut load = Load::default();
    while !is_over.load(Ordering::Acquire) {
        let out = is_out.load(Ordering::Acquire);
        let text = format!("{}", load.sent);
        let (sent, took) = timed(|| caller.send(id, &text, &text).expect("a response"));
        assert_eq!(sent.status, 201, "{sent:?}");
        load.sent += 1;
        let class = if out { &mut load.during } else { &mut load.before };
        class.push(took);
        // A constant rate, whatever the response times.
        thread::sleep(Duration::from_millis(40).saturating_sub(took));
    }
    load
}

#[expect(clippy::disallowed_methods, reason = "the duration of a request is real time")]
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = act();
    (done, start.elapsed())
}

fn median(of: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = of.collect();
    all.sort();
    all[all.len() / 2]
}

/// Returns the memory of a process in KiB.
fn memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn wait(how_long: Duration) {
    Patience::of(how_long).wait_for(|| None::<()>);
}

#[test]
fn sends_succeed_during_an_outage_and_all_events_arrive_in_order() {
    let Some(mut fixture) = Fixture::build("an outage") else {
        return;
    };
    let server = fixture.server();
    let people: Vec<_> = (1..=CONVERSATIONS)
        .map(|n| {
            let caller = server.caller(&format!("client-{n}"));
            let id = caller.open(&format!("agency-{n}"));
            (n, caller, id)
        })
        .collect();
    let (is_out, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut grown = Vec::new();
    let loads: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = people
            .iter()
            .map(|(_, caller, id)| scope.spawn(|| keep_sending(caller, id, &is_out, &is_over)))
            .collect();
        wait(BEFORE);
        fixture.sockudo.stop();
        is_out.store(true, Ordering::Release);
        for _ in 0..3 {
            wait(OUTAGE / 3);
            grown.push((memory(&server), server.unpublished()));
        }
        is_over.store(true, Ordering::Release);
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    let waiting = server.unpublished();
    assert_eq!(
        waiting, CONVERSATIONS as u64,
        "all conversations have unpublished events"
    );
    let published = metric(&server, "published_total");

    fixture.sockudo.restart();
    let listeners: BTreeMap<_, _> = people
        .iter()
        .map(|(n, _, id)| {
            let agent = server.caller(&format!("agent-{n}"));
            let channels = [format!("private-conversation-{id}")];
            (id, Subscriber::connect(&server, &agent, &channels))
        })
        .collect();
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
    for ((_, caller, id), load) in people.iter().zip(&loads) {
        let stored = caller.walk(id);
        assert_eq!(stored.len(), load.sent);
        let received = eventually("the last message is received", || {
            let received = listeners[id].messages_of(id);
            (received.last()?["seq"] == load.sent).then_some(received)
        });
        // A subscriber since the end of the outage receives all remaining messages once, in order.
        assert_eq!(received, stored[stored.len() - received.len()..]);
    }
    assert!(metric(&server, "published_total") > published);

    let before = median(loads.iter().flat_map(|load| load.before.iter().copied()));
    let during = median(loads.iter().flat_map(|load| load.during.iter().copied()));
    let sent: usize = loads.iter().map(|load| load.during.len()).sum();
    println!(
        "{sent} sends in an outage of {} s: median {during:?}, before it {before:?}; memory (KiB) and \
         conversations waiting: {grown:?}",
        OUTAGE.as_secs()
    );
    let (first, last) = (grown[0].0, grown[grown.len() - 1].0);
    assert!(last < first + 8 * 1024, "memory grew with the backlog: {grown:?}");
}
