//! The scans that a relay requests from its store.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use messaging_core::{
    clock::ManualClock,
    id::WorkerId,
    memory::MemoryStore,
    store::{
        Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, Lane, LaneDeferral, LoadedEntry, OutboxStore,
        Progress, Requeue, Requeued, Scan, Store, StoreError, StoreErrorKind, StoreMethod,
    },
    time::Timestamp,
    worker::RelayOptions,
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use crate::support::*;

/// A memory store that reports the scan of each claim.
struct Scans {
    inner: MemoryStore,
    asked: UnboundedSender<Scan>,
    /// Whether claims fail.
    fails: Arc<AtomicBool>,
}

impl Scans {
    async fn pass<T>(
        &self,
        _: StoreMethod,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        call.await
    }
}

macro_rules! pass_conversations {
    ({ ConversationStore $methods:tt OutboxStore $outbox:tt } $capabilities:tt) => {
        const _: () = {
            use messaging_core::store::wrapping::*;
            messaging_core::__wrap_required! { [] [Scans] inner pass ConversationStore $methods }
        };
    };
}
messaging_core::__store_methods!(pass_conversations);

#[async_trait::async_trait]
impl OutboxStore for Scans {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        self.asked.send(claim.scan).unwrap();
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Retry, "claiming lanes"));
        }
        self.inner.claim_lanes(claim).await
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        self.inner.load_entries(lanes, per_lane).await
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        self.inner.acknowledge(by, lease_until, done).await
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        self.inner.defer_lanes(by, deferrals).await
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.dead_letter(by, lane, entry, why, now).await
    }

    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner.list_dead_letters(after, limit).await
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        self.inner.requeue(step).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.inner.backlog().await
    }
}

impl Store for Scans {}

/// Advances the clock to the next claim, and returns its scan.
async fn next(asked: &mut UnboundedReceiver<Scan>, clock: &ManualClock) -> Scan {
    clock.advance(RelayOptions::default().probe_every);
    asked.recv().await.unwrap()
}

#[tokio::test]
async fn a_wake_asks_for_one_full_scan_which_is_repeated_until_it_succeeds() {
    let (sender, mut asked) = unbounded_channel();
    let (clock, fails) = (ManualClock::new(), Arc::new(AtomicBool::new(false)));
    let store = Scans {
        inner: MemoryStore::new(),
        asked: sender,
        fails: Arc::clone(&fails),
    };
    let (messaging, workers) = messaging_core::Messaging::builder(store, People)
        .realtime(Recorder::new())
        .clock(clock.clone())
        .build()
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(workers.run(async { drop(stopped.await) }));
    assert_eq!(asked.recv().await, Some(Scan::Usual));
    assert_eq!(next(&mut asked, &clock).await, Scan::Usual);

    // At once: the clock stands still.
    messaging.operations().wake();
    assert_eq!(asked.recv().await, Some(Scan::Full));
    assert_eq!(next(&mut asked, &clock).await, Scan::Usual);

    fails.store(true, Ordering::Relaxed);
    messaging.operations().wake();
    assert_eq!(asked.recv().await, Some(Scan::Full));
    fails.store(false, Ordering::Relaxed);
    assert_eq!(next(&mut asked, &clock).await, Scan::Full);
    assert_eq!(next(&mut asked, &clock).await, Scan::Usual);

    stop.send(()).unwrap();
    assert_eq!(
        asked.recv().await,
        Some(Scan::Full),
        "the scan during the shutdown"
    );
    running.await.unwrap();
}
