//! Acknowledged data survive a process that is killed at any time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use messaging_core::{
    domain::side::Side,
    id::WorkerId,
    store::{Claim, EntryKind, LoadedEntry, OutboxStore as _, Subject},
    time::Timestamp,
};
use messaging_sqlx::{SqliteOptions, SqliteStore};
use messaging_tests::{Caller, Server, Subscriber, eventually};
use serde_json::Value;

const CONVERSATIONS: usize = 4;
/// The numbers of acknowledged sends after which the server is killed, by round.
const ROUNDS: [usize; 3] = [40, 150, 90];
/// The maximum number of events of a kind in a conversation that were handed to a connection and not yet
/// written.
const ON_THE_WIRE: usize = 2;

/// A conversation, and the keys of its sides' sends.
#[derive(Debug)]
struct Conversation {
    id: String,
    client: String,
    agent: String,
    sends: Sends,
}

#[derive(Debug, Default)]
struct Sends {
    /// Answered with 201: the seq of each key.
    acknowledged: BTreeMap<String, u64>,
    /// The refused texts.
    refused: BTreeSet<String>,
    /// Without a response: stored or not.
    open: BTreeSet<String>,
}

/// An event of a conversation's channel, in the order of publication.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happened {
    Message { seq: u64, id: String },
    Read { side: String, up_to_seq: u64 },
}

#[test]
fn acknowledged_messages_are_stored_once_and_published() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let mut conversations: Vec<_> = (1..=CONVERSATIONS).map(|n| open(&server, n)).collect();
    let blocked = open(&server, CONVERSATIONS + 1);
    server.caller(&blocked.agent).block(&blocked.id);
    let (mut left, mut receipts) = (0, 0);
    for (round, enough) in ROUNDS.into_iter().enumerate() {
        let stored: Vec<_> = conversations.iter().map(|it| messages(&server, it)).collect();
        let had_read: Vec<_> = conversations.iter().map(|it| read(&server, it)).collect();
        eventually("nothing is unpublished", || {
            (server.unpublished() == 0).then_some(())
        });
        let listeners = listen(&server, &conversations);
        burst(server, &mut conversations, &blocked, round, enough);
        let before: Vec<_> = listeners.iter().map(all_received_events).collect();
        let unpublished = unpublished(data.path());
        left += unpublished.values().map(Vec::len).sum::<usize>();

        // The lease of the dead process leaves time to subscribe before any event is published.
        server = Server::start(data.path());
        let listeners = listen(&server, &conversations);
        for (n, conversation) in conversations.iter_mut().enumerate() {
            let expected = unpublished.get(&conversation.id).cloned().unwrap_or_default();
            eventually("the unpublished events are published", || {
                (received(&listeners[n]).len() >= expected.len()).then_some(())
            });
            assert_eq!(received(&listeners[n]), expected, "{}", conversation.id);
            let stored_now = messages(&server, conversation);
            assert_eq!(stored_now[..stored[n].len()], stored[n]);
            all_events_are_published(&stored_now[stored[n].len()..], &before[n], &expected);
            the_last_receipts_are_published(&server, conversation, &had_read[n], &before[n], &expected);
            receipts += before[n].iter().chain(&expected).filter(|it| is_read(it)).count();
            everything_recounts(&server, conversation);
        }
        let strangers = server.caller(&blocked.agent).walk(&blocked.id);
        assert_eq!(strangers, [] as [Value; 0], "a blocked sender's messages");
    }
    assert!(receipts > 0, "no receipt was published");
    assert!(left > 0, "the server was never killed with unpublished events");
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

/// A subscriber of each conversation.
fn listen(server: &Server, conversations: &[Conversation]) -> Vec<Subscriber> {
    let agents = conversations.iter().map(|it| {
        let channel = format!("private-conversation-{}", it.id);
        Subscriber::connect(server, &server.caller(&it.agent), &[channel])
    });
    agents.collect()
}

fn messages(server: &Server, conversation: &Conversation) -> Vec<Happened> {
    let stored = server.caller(&conversation.client).walk(&conversation.id);
    stored.iter().map(message_of).collect()
}

/// Returns the read position of each side.
fn read(server: &Server, conversation: &Conversation) -> BTreeMap<&'static str, u64> {
    let row = &server
        .caller(&conversation.client)
        .data("/api/messages/conversations")[0];
    let read = |side| row["reads"][side]["upToSeq"].as_u64().unwrap_or(0);
    ["client", "agent"].map(|side| (side, read(side))).into()
}

fn message_of(message: &Value) -> Happened {
    Happened::Message {
        seq: seq_of(message),
        id: message["id"].as_str().unwrap().to_owned(),
    }
}

/// Returns all events that a subscriber received, once its connection has ended.
fn all_received_events(listener: &Subscriber) -> Vec<Happened> {
    eventually("the connection ends", || listener.end());
    received(listener)
}

fn received(listener: &Subscriber) -> Vec<Happened> {
    let events = listener.events().into_iter();
    let happened = events.filter_map(|event| {
        let data = &event["data"];
        match event["event"].as_str().unwrap() {
            "new-message" => Some(message_of(data)),
            "message-read" => Some(Happened::Read {
                side: data["side"].as_str().unwrap().to_owned(),
                up_to_seq: data["upToSeq"].as_u64().unwrap(),
            }),
            _ => None,
        }
    });
    happened.collect()
}

/// Returns the outbox of the dead server, by conversation. Reads a copy, which leaves the file unchanged.
fn unpublished(data_dir: &Path) -> BTreeMap<String, Vec<Happened>> {
    let copy = tempfile::tempdir().unwrap();
    for file in ["messaging.db", "messaging.db-wal"] {
        fs::copy(data_dir.join(file), copy.path().join(file)).unwrap();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(async {
        let file = copy.path().join("messaging.db");
        let store = SqliteStore::open(file, &SqliteOptions::default()).await.unwrap();
        let anyone = WorkerId::parse("01a207ac-0dcf-7b8c-9a48-d86dfe5b9c2d").unwrap();
        let when_all_leases_are_over = Timestamp::from_millis(4_000_000_000_000);
        let all = Claim::new(
            anyone,
            when_all_leases_are_over,
            when_all_leases_are_over,
            usize::MAX,
        );
        let lanes = store.claim_lanes(&all).await.unwrap();
        let entries = store.load_entries(&lanes, usize::MAX).await.unwrap();
        store.close().await;
        entries
    });
    let mut unpublished = BTreeMap::<_, Vec<_>>::new();
    for LoadedEntry { entry, subject, .. } in entries {
        let happened = match (entry.kind, subject) {
            (EntryKind::Message { seq }, Subject::Message(row)) => Happened::Message {
                seq,
                id: row.message.id.to_string(),
            },
            (EntryKind::Read { side, up_to_seq }, _) => Happened::Read {
                side: name_of(side).to_owned(),
                up_to_seq,
            },
            other => panic!("unexpected entry: {other:?}"),
        };
        let id = entry.conversation_id.to_string();
        unpublished.entry(id).or_default().push(happened);
    }
    unpublished
}

fn is_read(happened: &Happened) -> bool {
    matches!(happened, Happened::Read { .. })
}

fn name_of(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Agent => "agent",
    }
}

/// Stored messages were published before the kill or after it, each in order. Those between may be missing:
/// they were handed to connections, and not yet written.
fn all_events_are_published(stored: &[Happened], before: &[Happened], after: &[Happened]) {
    let [before, after] = [before, after].map(|received| {
        let messages = received.iter().filter(|it| !is_read(it));
        messages.cloned().collect::<Vec<_>>()
    });
    assert!(stored.starts_with(&before), "{before:?} of {stored:?}");
    assert!(stored.ends_with(&after), "{after:?} of {stored:?}");
    let lost = stored.len().saturating_sub(before.len() + after.len());
    assert!(
        lost <= ON_THE_WIRE,
        "{lost} messages of {stored:?} were not published"
    );
}

/// The last read position of each side was published, except for receipts not yet written to the connection.
fn the_last_receipts_are_published(
    server: &Server,
    conversation: &Conversation,
    read_before: &BTreeMap<&str, u64>,
    before: &[Happened],
    after: &[Happened],
) {
    let read_now = read(server, conversation);
    let caller = server.caller(&conversation.client);
    let stored = caller.walk(&conversation.id);
    for (name, user) in [("client", &conversation.client), ("agent", &conversation.agent)] {
        let read = read_now[name];
        let received = before.iter().chain(after).filter_map(|it| match it {
            Happened::Read { side, up_to_seq } if side == name => Some(*up_to_seq),
            _ => None,
        });
        let received = received.max().unwrap_or(0).max(read_before[name]);
        assert!(
            received <= read,
            "{name} of {}: {received} of {read}",
            conversation.id
        );
        let covered_later = stored.iter().filter(|message| {
            message["senderId"] != **user && (received + 1..=read).contains(&seq_of(message))
        });
        let lost: BTreeSet<_> = covered_later.map(|message| message["readAt"].as_str()).collect();
        assert!(
            lost.len() <= ON_THE_WIRE,
            "{name} of {}: {lost:?}",
            conversation.id
        );
    }
}

/// Both sides of every conversation send and read as fast as possible until the server is killed, while a
/// blocked sender is refused.
fn burst(
    server: Server,
    conversations: &mut [Conversation],
    blocked: &Conversation,
    round: usize,
    enough: usize,
) {
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
                    send_until_the_server_is_killed(&caller, id, &format!("{round}-{user}"), acknowledged)
                })
            })
            .collect();
        let blocked_sender = (server.caller(&blocked.client), &blocked.id);
        let blocked_sender = scope.spawn(move || send_blocked(&blocked_sender.0, blocked_sender.1));
        eventually("enough sends are acknowledged", || {
            (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        });
        server.kill();
        assert!(blocked_sender.join().unwrap() > 0, "a blocked sender was refused");
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

/// Of eight steps each, two are refused sends (for the text and for the key), and one reads the newest page.
fn send_until_the_server_is_killed(
    caller: &Caller,
    id: &str,
    name: &str,
    acknowledged: &AtomicUsize,
) -> Sends {
    let mut sends = Sends::default();
    for n in 0.. {
        let key = format!("{name}-{n}");
        let refusal = match n % 8 {
            5 => Some((" \u{200b} ".to_owned(), key.clone(), 400)),
            6 => Some((format!("not {key}"), format!("{name}-{}", n - 2), 409)),
            _ => None,
        };
        if let Some((content, key, status)) = refusal {
            let refused = caller.send(id, &content, &key);
            sends.refused.insert(content);
            match refused {
                Ok(refused) => assert_eq!(refused.status, status, "{refused:?}"),
                Err(_) => break,
            }
            continue;
        }
        let Ok(sent) = caller.send(id, &key, &key) else {
            sends.open.insert(key);
            break;
        };
        assert_eq!(sent.status, 201, "{sent:?}");
        acknowledged.fetch_add(1, Ordering::Relaxed);
        sends
            .acknowledged
            .insert(key, sent.data()["seq"].as_u64().unwrap());
        if n % 8 == 3 && caller.get(&format!("/api/messages?conversationId={id}")).is_err() {
            break;
        }
    }
    sends
}

/// Returns how often a blocked sender was refused before the server was killed.
fn send_blocked(caller: &Caller, id: &str) -> usize {
    let answers = (0..).map_while(|n| caller.send(id, "in vain", &format!("in-vain-{n}")).ok());
    answers
        .inspect(|answer| assert_eq!(answer.status, 403, "{answer:?}"))
        .count()
}

fn everything_recounts(server: &Server, conversation: &mut Conversation) {
    let Conversation {
        id,
        client,
        agent,
        sends,
        ..
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
    assert_eq!(by_key.len(), stored.len(), "no key is stored twice");
    for (key, seq) in &sends.acknowledged {
        assert_eq!(by_key.get(key), Some(seq), "{key} was acknowledged");
    }
    for message in &stored {
        let content = message["content"].as_str().unwrap();
        assert!(!sends.refused.contains(content), "{content} was refused");
        assert_eq!(content, key_of(message), "the text of the first send");
    }
    for key in by_key.keys() {
        assert!(
            sends.acknowledged.contains_key(key) || sends.open.contains(key),
            "{key} was sent"
        );
    }

    // A sender without a response repeats the send, which is stored once.
    for key in std::mem::take(&mut sends.open) {
        let user = if key.contains("client") { &*client } else { &*agent };
        let repeated = server.caller(user).send(id, &key, &key).expect("a response");
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
