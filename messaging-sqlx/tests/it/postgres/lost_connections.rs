//! A connection that is cut before the request, or between the commit and its answer. The caller cannot tell
//! which and repeats the step, which takes effect once.

use messaging_core::{
    domain::{change::Change, conversation::Conversation, side::Side},
    store::{
        Appended, ChangeState, Changed, Claim, ConversationStore as _, Lane, MarkRead, Marked,
        OutboxStore as _, Progress, RecountScan, RecountStore as _, Requeue, Requeued, StoreError,
        StoreErrorKind,
    },
};
use messaging_sqlx::PgStore;
use messaging_test_postgres::{Fault, Statement, Wire};
use messaging_testkit::make::{at, booking_id, conversation_id, message_id, plan, worker, worker_id};

use crate::support::postgres::{Bench, check, send};

/// The point at which the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    BeforeRequest,
    AfterAnswer,
}

const CUTS: [Cut; 2] = [Cut::BeforeRequest, Cut::AfterAnswer];

/// A store that is connected through a wire.
struct Scene {
    bench: Bench,
    wire: Wire,
    store: PgStore,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Bench::new().await).await
    }

    async fn of(bench: Bench) -> Self {
        let (wire, url) = bench.wire();
        let store = PgStore::from_url(&url, &bench.options()).unwrap();
        let scene = Self { bench, wire, store };
        // The next statement on the wire is that of the next step.
        scene.recounts().await;
        scene
    }

    /// Runs a step whose connection is cut, repeats it, and returns the second result.
    async fn repeated<T: std::fmt::Debug>(
        &self,
        cut: Cut,
        step: impl AsyncFn(&PgStore) -> Result<T, StoreError>,
    ) -> T {
        let before = self.recounts().await;
        let armed = self.wire.arm(match cut {
            Cut::BeforeRequest => Fault::CutBeforeRequest(Statement::Any),
            Cut::AfterAnswer => Fault::CutAfterAnswer(Statement::Any),
        });
        let error = step(&self.store).await.unwrap_err();
        assert!(armed.has_happened());
        check(&error, StoreErrorKind::OutcomeUnknown);
        let after = self.recounts().await;
        if cut == Cut::BeforeRequest {
            assert_eq!(before, after, "a request that was not sent changes nothing");
        }
        let repeated = step(&self.store).await.unwrap();
        if cut == Cut::AfterAnswer {
            assert_eq!(self.recounts().await, after, "{repeated:?} has no further effect");
        }
        self.bench.messages().await;
        repeated
    }

    /// Returns the store's recounts as text.
    async fn recounts(&self) -> String {
        let scan = RecountScan::new(9);
        format!("{:?}", self.store.recount_conversations(&scan).await.unwrap())
    }

    /// Claims the lanes that are due at that second.
    async fn due(&self, second: i64) -> Vec<Lane> {
        let claim = Claim::new(worker_id(2), at(second), at(second + 10), 9);
        self.store.claim_lanes(&claim).await.unwrap()
    }

    /// Acknowledges the event of the opening.
    async fn acknowledge_opening(&self) {
        let lanes = self.due(0).await;
        let progress = progress(&lanes[0], 1);
        let left = self
            .store
            .acknowledge(worker_id(2), at(20), &[progress])
            .await
            .unwrap();
        assert_eq!(left, []);
    }
}

fn progress(lane: &Lane, up_to: u64) -> Progress {
    Progress::new(lane.conversation_id, lane.lease_until, up_to)
}

#[tokio::test]
async fn a_repeated_send_stores_one_message_and_its_lane_is_due_after_the_lease() {
    for cut in CUTS {
        for bench in Bench::both().await {
            let scene = Scene::of(bench).await;
            scene.acknowledge_opening().await;
            let step = send(1).with_publisher(worker(1, at(11)));
            let appended = scene.repeated(cut, async |store| store.append(&step).await).await;
            match appended {
                Appended::Stored(stored) => {
                    assert_eq!(cut, Cut::BeforeRequest);
                    assert_eq!((stored.message.id, stored.message.seq), (message_id(1), 1));
                    assert_eq!(stored.entry.lane.map(|lane| lane.head), Some(2));
                }
                Appended::Duplicate(row) => {
                    assert_eq!(cut, Cut::AfterAnswer);
                    assert_eq!((row.message.id, row.message.seq), (message_id(1), 1));
                }
                other => panic!("expected an unchanged conversation, not {other:?}"),
            }
            assert_eq!(scene.bench.messages().await, 1);
            assert_eq!(scene.due(10).await, []);
            assert_eq!(scene.due(11).await[0].head, 2);
        }
    }
}

#[tokio::test]
async fn a_repeated_opening_creates_one_conversation() {
    for cut in CUTS {
        let scene = Scene::new().await;
        let mut plan = plan(2, 1);
        plan.booking_id = Some(booking_id(2, 1));
        let publisher = worker(1, at(10));
        let opened = scene
            .repeated(cut, async |store| store.open(&plan, publisher).await)
            .await;
        assert_eq!(opened.id, plan.id);
        assert_eq!(opened.created, cut == Cut::BeforeRequest);
        assert_eq!(
            opened.entry.and_then(|entry| entry.lane).is_some(),
            cut == Cut::BeforeRequest
        );
        assert_eq!(
            scene.store.list_bookings(plan.id).await.unwrap(),
            [booking_id(2, 1)]
        );
    }
}

#[tokio::test]
async fn a_repeated_mark_read_moves_the_position_once() {
    for cut in CUTS {
        let scene = Scene::new().await;
        scene.store.append(&send(1)).await.unwrap();
        let step = MarkRead::new(
            conversation_id(1_001),
            0,
            Side::Agent,
            message_id(1),
            at(2),
            worker(1, at(12)),
        );
        let marked = scene
            .repeated(cut, async |store| store.mark_read(&step).await)
            .await;
        match marked {
            Marked::Moved(moved) => assert_eq!((cut, moved.counter.read), (Cut::BeforeRequest, 1)),
            Marked::Already { counter, read_at } => {
                assert_eq!((cut, counter.read), (Cut::AfterAnswer, 1));
                assert_eq!(read_at, Some(at(2)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_repeated_change_is_applied_once() {
    for cut in CUTS {
        let scene = Scene::new().await;
        let (change, publisher) = (Change::Block(Side::Agent), worker(1, at(12)));
        let conversation = Conversation::new(&plan(1, 1));
        let mut step = ChangeState::new(&conversation, change, at(2), publisher);
        let changed = scene
            .repeated(cut, async |store| store.change_state(&step).await)
            .await;
        match cut {
            Cut::BeforeRequest => assert!(matches!(changed, Changed::Done(entry) if entry.lane.is_none())),
            // A new decision sees the applied change.
            Cut::AfterAnswer => assert_eq!(changed, Changed::Conflict),
        }
        step.access_version = 1;
        assert_eq!(scene.store.change_state(&step).await.unwrap(), Changed::AlreadySo);
    }
}

#[tokio::test]
async fn lanes_of_a_lost_claim_are_due_after_the_lease() {
    for cut in CUTS {
        let scene = Scene::new().await;
        let claim = Claim::new(worker_id(1), at(1), at(11), 9);
        let lanes = scene
            .repeated(cut, async |store| store.claim_lanes(&claim).await)
            .await;
        assert_eq!(lanes.len(), usize::from(cut == Cut::BeforeRequest));
        assert_eq!(scene.due(10).await, [], "no other worker gets the lane");
        assert_eq!(scene.due(11).await[0].head, 1);
    }
}

#[tokio::test]
async fn a_repeated_acknowledgement_has_no_further_effect() {
    for (cut, messages) in CUTS.into_iter().flat_map(|cut| [(cut, 0), (cut, 1)]) {
        let scene = Scene::new().await;
        for n in 1..=messages {
            scene.store.append(&send(n)).await.unwrap();
        }
        let done = [progress(&scene.due(1).await[0], 1)];
        let acknowledge = async |store: &PgStore| store.acknowledge(worker_id(2), at(21), &done).await;
        let left = scene.repeated(cut, acknowledge).await;
        let goes_on = messages > 0;
        // The lease named by the repeated step has expired; the lease of the first call holds.
        assert_eq!(left.len(), usize::from(goes_on && cut == Cut::BeforeRequest));
        assert_eq!(scene.due(20).await, []);
        let heads: Vec<_> = scene.due(21).await.iter().map(|lane| lane.head).collect();
        assert_eq!(heads, if goes_on { vec![2] } else { vec![] });
    }
}

#[tokio::test]
async fn an_event_is_requeued_once() {
    for cut in CUTS {
        let scene = Scene::new().await;
        let lane = scene.due(0).await.remove(0);
        let loaded = scene
            .store
            .load_entries(std::slice::from_ref(&lane), 9)
            .await
            .unwrap();
        let dead = scene
            .store
            .dead_letter(worker_id(2), &lane, &loaded[0].entry, "no", at(1));
        dead.await.unwrap();
        let step = Requeue::new(lane.conversation_id, 1, at(2), worker(1, at(12)));
        let requeued = scene
            .repeated(cut, async |store| store.requeue(&step).await)
            .await;
        let is_first = cut == Cut::BeforeRequest;
        assert_eq!(requeued != Requeued::NotFound, is_first);
        assert_eq!(scene.store.list_dead_letters(None, 9).await.unwrap(), []);
        let entries = scene.store.load_entries(&[lane], 9).await.unwrap();
        let numbers: Vec<_> = entries.iter().map(|loaded| loaded.entry.number).collect();
        assert_eq!(numbers, [2]);
    }
}
