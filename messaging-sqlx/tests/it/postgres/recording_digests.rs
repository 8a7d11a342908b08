//! The result of a digest is recorded although another transaction holds one of its conversations locked for
//! longer than a lock timeout.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Body, DigestPolicy, Messaging, SendMessage, UserId, Workers,
    clock::{ManualClock, SequentialIds},
    host::{HostError, presence::Presence, rate_limit::Unlimited},
    id::ConversationId,
    store::{ConversationStore as _, Publisher},
    transport::{
        TransportError,
        mailer::{Digest, Mailer},
    },
};
use messaging_sqlx::PgStore;
use messaging_testkit::{
    fake::{FailingStore, FakeDirectory},
    make::{agent, conversation_id, plan},
};

use crate::support::postgres::{Bench, Session};

const LOCKED: u64 = 1_001;
const FREE: u64 = 1_002;
const MARKING: &str = "marking messages as mailed";
const FINISHING: &str = "completing a digest";

/// A mail server that accepts every e-mail. At the first e-mail, another transaction locks a conversation.
#[derive(Clone)]
struct LockingMailer(Arc<Inner>);

struct Inner {
    bench: Bench,
    locked: Mutex<Option<Session>>,
    mails: Mutex<Vec<Digest>>,
}

#[async_trait]
impl Mailer for LockingMailer {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let is_first = self.0.mails.lock().unwrap().is_empty();
        self.0.mails.lock().unwrap().push(digest.clone());
        if is_first {
            let mut session = self.0.bench.session().await;
            let id = conversation_id(LOCKED).as_uuid();
            let lock = format!("BEGIN; SELECT FROM messaging.conversation WHERE id = '{id}' FOR UPDATE");
            session.run(&lock).await;
            *self.0.locked.lock().unwrap() = Some(session);
        }
        Ok(())
    }
}

impl LockingMailer {
    /// Returns the id of each e-mail, and the conversations that it contains.
    fn mails(&self) -> Vec<(uuid::Uuid, Vec<ConversationId>)> {
        let mails = self.0.mails.lock().unwrap();
        let shown = |mail: &Digest| mail.conversations.iter().map(|one| one.conversation_id).collect();
        mails
            .iter()
            .map(|mail| (mail.id.as_uuid(), shown(mail)))
            .collect()
    }

    async fn release(&self) {
        let session = self.0.locked.lock().unwrap().take();
        session.unwrap().release().await;
    }
}

/// Presence in which every user is offline.
struct Offline;

#[async_trait]
impl Presence for Offline {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

struct Scene {
    store: FailingStore<PgStore>,
    workers: Workers,
    clock: ManualClock,
    mailer: LockingMailer,
}

impl Scene {
    /// A client to whom two agents have sent a message half an hour ago.
    async fn new() -> Self {
        let bench = Bench::new().await;
        let options = bench.options().with_lock_timeout(Duration::from_millis(50));
        let store = FailingStore::new(bench.store_with(&options));
        store.open(&plan(1, 2), Publisher::Anyone).await.unwrap();
        let clock = ManualClock::new();
        let mailer = LockingMailer(Arc::new(Inner {
            bench,
            locked: Mutex::default(),
            mails: Mutex::default(),
        }));
        let (messaging, workers) = Messaging::builder(store.clone(), FakeDirectory::new())
            .rate_limiter(Unlimited)
            .digests(mailer.clone(), DigestPolicy::default())
            .presence(Offline)
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        for (id, a) in [(LOCKED, 1), (FREE, 2)] {
            let send = SendMessage::new(conversation_id(id), Body::parse("hello").unwrap());
            messaging.send_message(&agent(a), &send).await.unwrap();
        }
        clock.advance(Duration::from_mins(30));
        Self {
            store,
            workers,
            clock,
            mailer,
        }
    }

    async fn step_after(&self, pause: Duration) {
        self.clock.advance(pause);
        self.workers.digests().unwrap().step().await.unwrap();
    }
}

#[tokio::test]
async fn an_accepted_e_mail_is_recorded_once_its_conversation_is_unlocked() {
    let scene = Scene::new().await;
    scene.step_after(Duration::ZERO).await;
    // Twice as many calls as three lock timeouts would need.
    while scene.store.calls_of(MARKING) < 6 {
        scene.step_after(Duration::from_secs(5)).await;
    }
    assert_eq!(scene.store.calls_of(FINISHING), 0);
    scene.mailer.release().await;
    scene.step_after(Duration::from_secs(10)).await;
    assert_eq!(scene.store.calls_of(FINISHING), 1);
    for _ in 0..20 {
        scene.step_after(Duration::from_mins(5)).await;
    }
    let mails = scene.mailer.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].1.len(), 2);
}

#[tokio::test]
async fn a_conversation_locked_beyond_the_lease_repeats_no_other() {
    let scene = Scene::new().await;
    // The lease lasts five minutes.
    for _ in 0..35 {
        scene.step_after(Duration::from_secs(10)).await;
    }
    scene.mailer.release().await;
    for _ in 0..20 {
        scene.step_after(Duration::from_mins(5)).await;
    }
    let mails = scene.mailer.mails();
    let [(first, of_first), (second, of_second)] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!((first, of_first.len()), (second, 2));
    assert_eq!(of_second[..], [conversation_id(LOCKED)]);
}
