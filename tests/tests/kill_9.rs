//! Whatever is acknowledged survives a process that is killed in the middle of everything.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use messaging_tests::{Caller, Server, Settings, Subscriber, eventually};
use serde_json::Value;

const CONVERSATIONS: usize = 4;
/// In each round the server is killed when so many sends have been acknowledged.
const ROUNDS: [usize; 3] = [40, 150, 90];

/// A conversation, and what its two sides know about their sends: their keys.
#[derive(Debug)]
struct Conversation {
    id: String,
    client: String,
    agent: String,
    sends: Sends,
}

#[derive(Debug, Default)]
struct Sends {
    /// Answered 201: the seq by the key.
    acknowledged: BTreeMap<String, u64>,
    /// Refused.
    refused: BTreeSet<String>,
    /// Not answered: stored or not.
    open: BTreeSet<String>,
}

#[test]
fn what_was_acknowledged_is_there_once_and_is_published() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let mut conversations: Vec<_> = (1..=CONVERSATIONS).map(|n| open(&server, n)).collect();
    for (round, enough) in ROUNDS.into_iter().enumerate() {
        let address = server.address().to_string();
        burst(server, &mut conversations, round, enough);
        server = Settings::in_directory(data.path())
            .with_env("BIND", address)
            .start();
        events_are_published(&server, &conversations);
        for conversation in &mut conversations {
            everything_recounts(&server, conversation);
        }
    }
}

fn open(server: &Server, n: usize) -> Conversation {
    let (client, agent) = (format!("client-{n}"), format!("agent-{n}"));
    Conversation {
        id: server.caller(&client).open(&format!("agency-{n}")),
        client,
        agent,
        sends: Sends::default(),
    }
}

/// Both sides of every conversation send and read as fast as they can, until the server is killed.
fn burst(server: Server, conversations: &mut [Conversation], round: usize, enough: usize) {
    let acknowledged = AtomicUsize::new(0);
    let sends: Vec<Sends> = thread::scope(|scope| {
        let senders: Vec<_> = conversations
            .iter()
            .flat_map(|conversation| {
                [&conversation.client, &conversation.agent].map(|user| (user, &conversation.id))
            })
            .map(|(user, id)| {
                let (caller, acknowledged) = (server.caller(user), &acknowledged);
                scope.spawn(move || {
                    send_until_it_is_gone(&caller, id, &format!("{round}-{user}"), acknowledged)
                })
            })
            .collect();
        eventually("enough is acknowledged", || {
            (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        });
        server.kill();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    for (conversation, sides) in conversations.iter_mut().zip(sends.chunks(2)) {
        for side in sides {
            let Sends {
                acknowledged,
                refused,
                open,
            } = side;
            conversation.sends.acknowledged.extend(acknowledged.clone());
            conversation.sends.refused.extend(refused.iter().cloned());
            conversation.sends.open.extend(open.iter().cloned());
        }
    }
}

/// Of every eight steps one is a send that is refused, and one reads the newest page.
fn send_until_it_is_gone(caller: &Caller, id: &str, name: &str, acknowledged: &AtomicUsize) -> Sends {
    let mut sends = Sends::default();
    for n in 0.. {
        let key = format!("{name}-{n}");
        let (content, is_fine) = if n % 8 == 5 {
            (" \u{200b} ", false)
        } else {
            (key.as_str(), true)
        };
        match caller.send(id, content, &key) {
            Ok(sent) if sent.status == 201 => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                let message = sent.data();
                sends.acknowledged.insert(key, message["seq"].as_u64().unwrap());
            }
            Ok(refused) => {
                assert!((400..500).contains(&refused.status) && !is_fine, "{refused:?}");
                sends.refused.insert(key);
            }
            Err(_) => {
                sends.open.insert(key);
                break;
            }
        }
        if n % 8 == 7 && caller.get(&format!("/api/messages?conversationId={id}")).is_err() {
            break;
        }
    }
    sends
}

/// Whoever connects after the restart is told what was not published before.
fn events_are_published(server: &Server, conversations: &[Conversation]) {
    let subscribers: Vec<_> = conversations
        .iter()
        .map(|it| {
            Subscriber::connect(
                server,
                &server.caller(&it.agent),
                &[format!("private-conversation-{}", it.id)],
            )
        })
        .collect();
    let unpublished = server.unpublished();
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
    let told = |subscriber: &&Subscriber| {
        let count = |name| subscriber.named(name).len();
        count("new-message") + count("message-read") > 0
    };
    eventually("what was not published is told", || {
        let conversations_told = subscribers.iter().filter(told).count() as u64;
        (conversations_told >= unpublished).then_some(())
    });
    for (subscriber, conversation) in subscribers.iter().zip(conversations) {
        let stored = server.caller(&conversation.agent).walk(&conversation.id);
        let told: Vec<_> = subscriber
            .messages_of(&conversation.id)
            .iter()
            .map(seq_of)
            .collect();
        // From some message on, all of them, in order.
        let expected: Vec<_> = stored
            .iter()
            .map(seq_of)
            .skip(stored.len() - told.len())
            .collect();
        assert_eq!(told, expected);
    }
}

fn everything_recounts(server: &Server, conversation: &mut Conversation) {
    let Conversation {
        id,
        client,
        agent,
        sends,
    } = conversation;
    let stored = server.caller(client).walk(id);
    let seqs: Vec<_> = stored.iter().map(seq_of).collect();
    assert_eq!(
        seqs,
        (1..=stored.len() as u64).collect::<Vec<_>>(),
        "seqs are dense"
    );
    let by_key: BTreeMap<_, _> = stored
        .iter()
        .map(|message| (key_of(message), seq_of(message)))
        .collect();
    assert_eq!(by_key.len(), stored.len(), "no key is there twice");
    for (key, seq) in &sends.acknowledged {
        assert_eq!(by_key.get(key), Some(seq), "{key} was acknowledged");
    }
    for key in by_key.keys() {
        assert!(!sends.refused.contains(key), "{key} was refused");
        assert!(
            sends.acknowledged.contains_key(key) || sends.open.contains(key),
            "{key} was sent"
        );
    }

    // Whoever got no answer repeats the send, and it is stored once.
    for key in std::mem::take(&mut sends.open) {
        let user = if key.contains("client") { &*client } else { &*agent };
        let repeated = server.caller(user).send(id, &key, &key).expect("an answer");
        let expected = if by_key.contains_key(&key) { 200 } else { 201 };
        assert_eq!(repeated.status, expected, "{key}: {repeated:?}");
        sends
            .acknowledged
            .insert(key, repeated.data()["seq"].as_u64().unwrap());
    }

    let stored = server.caller(client).walk(id);
    for (user, side) in [(&*client, "client"), (&*agent, "agent")] {
        let caller = server.caller(user);
        let row = &caller.data("/api/messages/conversations")[0];
        let read = row["reads"][side]["upToSeq"].as_u64().unwrap_or(0);
        let is_unread = |message: &&Value| message["senderId"] != **user && seq_of(message) > read;
        let recounted = stored.iter().filter(is_unread).count();
        assert_eq!(row["unreadCount"], recounted, "{user} of {id}");
        assert_eq!(caller.data("/api/messages/unread")["unreadCount"], recounted);
    }
}

fn seq_of(message: &Value) -> u64 {
    message["seq"].as_u64().unwrap()
}

fn key_of(message: &Value) -> String {
    message["clientMessageId"].as_str().unwrap().to_owned()
}
