//! The database is restarted during sends: every acknowledged message is stored once, and the server recovers
//! by itself.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use futures_util::TryStreamExt as _;
use messaging_core::verify::{ConversationRange, verify};
use messaging_sqlx::{PgOptions, PgStore};
use messaging_test_postgres::{How, PgServer};
use messaging_testkit::recount;
use messaging_tests::{Answer, Caller, Server, Settings, eventually};
use serde_json::Value;

const CONVERSATIONS: usize = 4;
/// The number of acknowledged sends before each restart, and after the last one.
const ENOUGH: usize = 200;
/// The number of refused requests in each outage.
const REFUSED: usize = 8;

/// A conversation and its two sides.
struct Conversation {
    id: String,
    sides: [String; 2],
}

/// The progress of the test.
#[derive(Default)]
struct Course {
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    /// Sends whose message an earlier attempt of unknown outcome had stored.
    stored_before: AtomicUsize,
    is_over: AtomicBool,
}

#[test]
fn acknowledged_messages_survive_database_restarts() {
    let postgres = PgServer::start();
    let url = postgres.url("postgres");
    let data = tempfile::tempdir().unwrap();
    let server = Settings::in_directory(data.path())
        .with_env("DATABASE_URL", &url)
        .start();
    let conversations: Vec<_> = (1..=CONVERSATIONS).map(|n| open(&server, n)).collect();

    let course = Course::default();
    let sent: Vec<_> = thread::scope(|scope| {
        let people = conversations
            .iter()
            .flat_map(|conversation| conversation.sides.iter().map(|user| (user, &conversation.id)));
        let people: Vec<_> = people
            .map(|(user, id)| {
                let (caller, course) = (server.caller(user), &course);
                scope.spawn(move || send_until_it_is_over(&caller, id, user, course))
            })
            .collect();
        for how in [How::Fast, How::Immediate] {
            wait_for("sends are acknowledged", &course.acknowledged, ENOUGH);
            postgres.stop(how);
            wait_for("requests are refused", &course.refused, REFUSED);
            postgres.start_again();
        }
        wait_for("sends are acknowledged", &course.acknowledged, ENOUGH);
        course.is_over.store(true, Ordering::Relaxed);
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });

    eventually("the server is ready", || {
        let ready = server.anonymous().get("/readyz").unwrap();
        (ready.status == 200).then_some(())
    });
    for (conversation, sent) in conversations.iter().zip(sent.chunks(2)) {
        let sent: BTreeMap<_, _> = sent
            .iter()
            .flatten()
            .map(|(key, seq)| (key.clone(), *seq))
            .collect();
        everything_is_there_once(&server.caller(&conversation.sides[0]), &conversation.id, &sent);
    }
    eventually("nothing is unpublished", || {
        (server.unpublished() == 0).then_some(())
    });
    everything_adds_up(&url);
    course.print();
    let ended = server.stop("TERM");
    assert!(ended.status.success(), "{}", ended.log);
}

fn open(server: &Server, n: usize) -> Conversation {
    let sides = [format!("client-{n}"), format!("agent-{n}")];
    Conversation {
        id: server.caller(&sides[0]).open(&format!("agency-{n}")),
        sides,
    }
}

/// Sends messages one after the other, each until it is acknowledged, and sometimes reads. Returns the seq of
/// each key.
fn send_until_it_is_over(caller: &Caller, id: &str, name: &str, course: &Course) -> BTreeMap<String, u64> {
    let mut sent = BTreeMap::new();
    while !course.is_over.load(Ordering::Relaxed) {
        let key = format!("{name}-{}", sent.len());
        let seq = loop {
            let Ok(answer) = caller.send(id, &key, &key) else {
                continue;
            };
            match answer.status {
                201 => {}
                200 => increment(&course.stored_before),
                _ => {
                    course.note_refusal(&answer);
                    continue;
                }
            }
            break answer.data()["seq"].as_u64().unwrap();
        };
        increment(&course.acknowledged);
        sent.insert(key, seq);
        if sent.len() % 8 == 0
            && let Ok(page) = caller.get(&format!("/api/messages?conversationId={id}"))
            && page.status != 200
        {
            course.note_refusal(&page);
        }
    }
    sent
}

fn everything_is_there_once(caller: &Caller, id: &str, sent: &BTreeMap<String, u64>) {
    let stored = caller.walk(id);
    let seqs: Vec<_> = stored
        .iter()
        .map(|message| message["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(
        seqs,
        (1..=stored.len() as u64).collect::<Vec<_>>(),
        "seqs are dense"
    );
    let by_key: BTreeMap<_, _> = stored.iter().map(key_of).zip(seqs).collect();
    // Every send was repeated until it was acknowledged, so no other message is stored.
    assert_eq!(by_key, *sent, "{id}");
    assert_eq!(by_key.len(), stored.len(), "no key is stored twice");
}

fn key_of(message: &Value) -> String {
    assert_eq!(message["content"], message["clientMessageId"]);
    message["clientMessageId"].as_str().unwrap().to_owned()
}

fn everything_adds_up(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = PgStore::from_url(url, &PgOptions::default()).unwrap();
        let found = verify(&store, ConversationRange::all());
        assert_eq!(found.try_collect::<Vec<_>>().await.unwrap(), []);
        recount(&store).await.unwrap().assert_clean();
        store.close().await;
    });
}

impl Course {
    /// Checks that a refusal says when to retry, and whether the outcome is known.
    fn note_refusal(&self, answer: &Answer) {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(
            answer.retry_after.is_some_and(|seconds| seconds > 0),
            "{answer:?}"
        );
        let code = answer.body["code"].as_str().unwrap();
        assert!(["unavailable", "outcome_unknown"].contains(&code), "{answer:?}");
        increment(&self.refused);
    }

    #[expect(clippy::print_stdout, reason = "the counts are shown with --nocapture")]
    fn print(&self) {
        let Self {
            acknowledged,
            refused,
            stored_before,
            ..
        } = self;
        println!(
            "{acknowledged:?} sends were acknowledged, {stored_before:?} of them by a repetition; {refused:?} \
             requests were refused"
        );
    }
}

fn increment(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Waits until the count has grown by `more`.
fn wait_for(what: &str, count: &AtomicUsize, more: usize) {
    let before = count.load(Ordering::Relaxed);
    eventually(what, || {
        (count.load(Ordering::Relaxed) >= before + more).then_some(())
    });
}
