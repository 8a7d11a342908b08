//! The result of an e-mail is recorded as soon as the store accepts it, as long as the lease lasts.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt as _, poll};
use messaging_core::{
    Body, ConversationId, DigestPolicy, HostOpen, Messaging, Options, SendMessage, Workers,
    clock::ManualClock, memory::MemoryStore, store::StoreErrorKind, transport::mailer::Digest,
    worker::DigestOptions,
};
use messaging_testkit::{
    fake::{FailingStore, FakeDirectory},
    make::{agency_id, agent_user_id, client, client_id},
};

use crate::support::{Letterbox, offline_builder};

const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

const MARKING: &str = "marking messages as mailed";
const COMPLETING: &str = "completing a digest";
/// The steps that record an accepted e-mail.
const STEPS: [&str; 2] = [MARKING, COMPLETING];

const LOCKED: StoreErrorKind = StoreErrorKind::Unavailable { retry_after: SECOND };

struct Fixture {
    store: FailingStore<MemoryStore>,
    messaging: Messaging,
    workers: Workers,
    clock: ManualClock,
    mails: Letterbox,
}

impl Fixture {
    fn new() -> Self {
        let (store, clock) = (FailingStore::new(MemoryStore::new()), ManualClock::new());
        let mails = Letterbox::default();
        let options = DigestOptions::default()
            .with_every(10 * SECOND)
            .with_drain(10 * SECOND)
            .with_chunk(4);
        let (messaging, workers) = offline_builder(store.clone(), FakeDirectory::new(), &clock)
            .digests(mails.clone(), DigestPolicy::default())
            .options(Options::default().with_digests(options))
            .build()
            .unwrap();
        Self {
            store,
            messaging,
            workers,
            clock,
            mails,
        }
    }

    async fn open(&self, c: u64, a: u64) -> ConversationId {
        let open = HostOpen::new(&client_id(c), &agency_id(a), &agent_user_id(a));
        let plan = self.messaging.operations().prepare_open(open).unwrap();
        self.messaging.operations().open_prepared(&plan).await.unwrap().id
    }

    async fn send(&self, c: u64, to: ConversationId) {
        let send = SendMessage::new(to, Body::parse("hello").unwrap());
        self.messaging.send_message(&client(c), &send).await.unwrap();
    }

    /// Runs `steps` steps of the worker with a pause before each, and returns the e-mails.
    async fn run_steps(&self, steps: u32, pause: Duration) -> Vec<Digest> {
        for _ in 0..steps {
            self.clock.advance(pause);
            self.workers.digests().unwrap().step().await.unwrap();
        }
        std::mem::take(&mut self.mails.0.lock().unwrap().0)
    }
}

#[tokio::test]
async fn an_accepted_e_mail_that_cannot_be_recorded_for_minutes_is_not_sent_again() {
    let kinds = [
        LOCKED,
        StoreErrorKind::Retry,
        StoreErrorKind::OutcomeUnknown,
        StoreErrorKind::ReadOnly,
    ];
    for (step, kind) in STEPS.into_iter().flat_map(|step| kinds.map(|kind| (step, kind))) {
        let fixture = Fixture::new();
        let id = fixture.open(1, 1).await;
        fixture.send(1, id).await;
        fixture.store.refuse(step, kind);
        assert_eq!(fixture.run_steps(1, 30 * MINUTE).await.len(), 1);
        // The lease lasts five minutes.
        assert_eq!(fixture.run_steps(280, SECOND).await, [], "{step}: {kind}");
        let tries = fixture.store.calls_of(step);
        assert!((20..60).contains(&tries), "{step}: {kind}: {tries} tries");
        fixture.store.admit(step);
        assert_eq!(fixture.run_steps(60, SECOND).await, [], "{step}: {kind}");
        assert_eq!(fixture.run_steps(100, MINUTE).await, [], "{step}: {kind}");
        fixture.send(1, id).await;
        let next = fixture.run_steps(1, 30 * MINUTE).await;
        assert_eq!((next.len(), next[0].messages), (1, 1), "{step}: {kind}");
    }
}

#[tokio::test]
async fn the_pauses_between_tries_to_record_grow() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id).await;
    fixture.store.refuse(MARKING, LOCKED);
    fixture.run_steps(1, 30 * MINUTE).await;
    let mut tries = Vec::new();
    for _ in 0..4 {
        let before = fixture.store.calls_of(MARKING);
        fixture.run_steps(200, 10 * SECOND / 200).await;
        tries.push(fixture.store.calls_of(MARKING) - before);
    }
    assert!(tries.is_sorted_by(|a, b| a >= b), "{tries:?}");
    assert!(tries[0] >= 4 && tries[3] <= 2, "{tries:?}");
}

#[tokio::test]
async fn a_failed_store_gets_few_chunks_per_try() {
    let fixture = Fixture::new();
    // Ten chunks of four.
    for n in 1..=40 {
        let id = fixture.open(n, 1).await;
        fixture.send(n, id).await;
    }
    fixture.store.refuse(MARKING, LOCKED);
    assert_eq!(fixture.run_steps(1, 30 * MINUTE).await.len(), 1);
    for _ in 0..280 {
        let before = fixture.store.calls_of(MARKING);
        fixture.run_steps(1, SECOND).await;
        let calls = fixture.store.calls_of(MARKING) - before;
        assert!(calls <= 2, "{calls} calls in one try");
    }
    fixture.store.admit(MARKING);
    assert_eq!(fixture.run_steps(60, SECOND).await, []);
    assert_eq!(fixture.store.calls_of(COMPLETING), 1);
    assert_eq!(fixture.run_steps(100, MINUTE).await, []);
}

#[tokio::test]
async fn a_pending_record_does_not_delay_other_users() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.open(1, 1).await, fixture.open(2, 2).await);
    fixture.send(1, first).await;
    fixture.clock.advance(MINUTE);
    fixture.send(2, second).await;
    fixture.store.refuse(COMPLETING, LOCKED);
    assert_eq!(
        fixture.run_steps(1, 29 * MINUTE).await[0].user_id,
        agent_user_id(1)
    );
    assert_eq!(fixture.run_steps(1, MINUTE).await[0].user_id, agent_user_id(2));
    fixture.store.admit(COMPLETING);
    assert_eq!(fixture.run_steps(600, SECOND).await, []);
}

#[tokio::test]
async fn a_step_records_before_it_claims() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id).await;
    fixture.store.refuse(MARKING, LOCKED);
    fixture.run_steps(1, 30 * MINUTE).await;
    fixture.store.admit(MARKING);
    fixture.clock.advance(10 * SECOND);
    let (before, marking) = (fixture.store.calls(), fixture.store.hold(1));
    let mut step = pin!(fixture.workers.digests().unwrap().step());
    assert!(poll!(&mut step).is_pending());
    assert_eq!(
        fixture.store.calls(),
        before + 1,
        "only the pending record is written"
    );
    marking.release();
    step.await.unwrap();
    assert!(fixture.store.calls() > before + 2, "a claim follows");
}

#[tokio::test]
async fn an_unrecorded_digest_is_repeated_with_its_id_after_the_lease() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id).await;
    fixture.store.refuse(MARKING, LOCKED);
    let first = fixture.run_steps(1, 30 * MINUTE).await;
    assert_eq!(
        fixture.run_steps(299, SECOND).await,
        [],
        "the lease has not expired"
    );
    fixture.store.admit(MARKING);
    let second = fixture.run_steps(30, MINUTE).await;
    assert_eq!((second.len(), second[0].id), (1, first[0].id));
    assert_eq!(fixture.run_steps(600, MINUTE).await, []);
}

#[tokio::test]
async fn the_worker_records_between_claims_and_during_shutdown() {
    for stops in [Stops::Later, Stops::BeforeItIsRecorded] {
        let fixture = Fixture::new();
        let id = fixture.open(1, 1).await;
        fixture.send(1, id).await;
        fixture.clock.advance(30 * MINUTE);
        fixture.store.refuse(MARKING, LOCKED);
        let Fixture {
            workers,
            store,
            clock,
            mails,
            ..
        } = fixture;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut stop = Some(stop);
        let mut running = pin!(workers.run(stopped.map(drop)));
        let mut pass = async |time: Duration| {
            clock.advance(time);
            // Enough polls for each task to wake the next.
            for _ in 0..100 {
                if poll!(&mut running).is_ready() {
                    return true;
                }
            }
            false
        };
        assert!(!pass(Duration::ZERO).await);
        assert!(!pass(10 * SECOND).await);
        assert_eq!(store.calls_of(MARKING), 1, "{stops:?}");
        if stops == Stops::BeforeItIsRecorded {
            stop.take();
        }
        for _ in 0..4 {
            assert!(!pass(SECOND).await, "{stops:?}");
        }
        let tries = store.calls_of(MARKING);
        assert!(
            tries > 2,
            "{stops:?}: {tries} tries within one interval of the worker"
        );
        store.admit(MARKING);
        let mut is_over = false;
        for _ in 0..5 {
            is_over = is_over || pass(SECOND).await;
        }
        assert_eq!(store.calls_of(COMPLETING), 1, "{stops:?}");
        assert_eq!(is_over, stops == Stops::BeforeItIsRecorded);
        assert_eq!(mails.0.lock().unwrap().0.len(), 1, "{stops:?}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stops {
    Later,
    BeforeItIsRecorded,
}
