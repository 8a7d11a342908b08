//! Public health checks: at most one check of the store per second, shared by all callers.

use std::time::Duration;

use futures_util::{future::join_all, poll};
use messaging_core::{
    ErrorKind, HostOpen, Messaging, Workers,
    clock::{Clock as _, ManualClock, SequentialIds},
    host::rate_limit::Unlimited,
    memory::MemoryStore,
    store::{ConversationStore as _, Publisher, StoreErrorKind},
};
use messaging_testkit::fake::{Effect, FailingStore};

use crate::support::*;

const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable {
    retry_after: Duration::from_secs(1),
};
const MAX_AGE: Duration = Duration::from_secs(1);
/// The calls of the store in one check.
const CALLS: u64 = 2;

struct Probed {
    messaging: Messaging,
    workers: Workers,
    store: FailingStore<MemoryStore>,
    clock: ManualClock,
}

impl Probed {
    fn new() -> Self {
        let (store, clock) = (FailingStore::new(MemoryStore::new()), ManualClock::new());
        let (messaging, workers) = Messaging::builder(store.clone(), People)
            .rate_limiter(Unlimited)
            .realtime(Recorder::new())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        Self {
            messaging,
            workers,
            store,
            clock,
        }
    }
}

#[tokio::test]
async fn concurrent_callers_share_one_health_check_per_second() {
    let Probed {
        messaging,
        store,
        clock,
        ..
    } = Probed::new();
    for second in 1..=3 {
        for health in join_all((0..20).map(|_| messaging.operations().recent_health())).await {
            assert_eq!(health.unwrap().backlog.lanes, 0);
        }
        clock.advance(Duration::from_millis(999));
        messaging.operations().recent_health().await.unwrap();
        assert_eq!(store.calls(), second * CALLS);
        clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn a_health_check_expires_after_a_second() {
    let Probed { messaging, clock, .. } = Probed::new();
    assert_eq!(
        messaging
            .operations()
            .recent_health()
            .await
            .unwrap()
            .backlog
            .lanes,
        0
    );
    messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    assert_eq!(
        messaging.operations().health().await.unwrap().backlog.lanes,
        1,
        "a direct check is not cached"
    );
    clock.advance(MAX_AGE);
    assert_eq!(
        messaging
            .operations()
            .recent_health()
            .await
            .unwrap()
            .backlog
            .lanes,
        1
    );
}

#[tokio::test]
async fn concurrent_callers_share_a_running_check_and_its_error() {
    let Probed { messaging, store, .. } = Probed::new();
    store.fail(1, UNAVAILABLE, Effect::None);
    for health in join_all((0..20).map(|_| messaging.operations().recent_health())).await {
        let kind = health.unwrap_err().kind().clone();
        assert!(matches!(kind, ErrorKind::Unavailable { .. }), "{kind:?}");
    }
    messaging.operations().recent_health().await.unwrap_err();
    assert_eq!(store.calls(), 1);
}

#[tokio::test]
async fn a_hanging_check_is_shared_and_ends_with_its_callers() {
    let Probed { messaging, store, .. } = Probed::new();
    store.hang(1);
    let mut waiting: Vec<_> = (0..20)
        .map(|_| Box::pin(messaging.operations().recent_health()))
        .collect();
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    assert_eq!(store.calls(), 1);
    drop(waiting);
    messaging.operations().recent_health().await.unwrap();
}

#[tokio::test]
async fn a_clock_set_back_invalidates_the_cached_check() {
    let Probed {
        messaging,
        store,
        clock,
        ..
    } = Probed::new();
    let before = clock.now();
    clock.advance(Duration::from_hours(1));
    messaging.operations().recent_health().await.unwrap();
    clock.set(before);
    messaging.operations().recent_health().await.unwrap();
    assert_eq!(store.calls(), 2 * CALLS);
}

#[tokio::test]
async fn a_read_only_store_still_reports_its_backlog() {
    let Probed {
        messaging,
        store,
        clock,
        ..
    } = Probed::new();
    store.fail(2, StoreErrorKind::ReadOnly, Effect::None);
    let health = messaging.operations().recent_health().await.unwrap();
    assert!(!health.takes_writes && health.publishes());
    clock.advance(MAX_AGE);
    assert!(messaging.operations().recent_health().await.unwrap().takes_writes);
}

/// Failures that allow no conclusion about other writes.
const BUSY: [StoreErrorKind; 3] = [UNAVAILABLE, StoreErrorKind::OutcomeUnknown, StoreErrorKind::Retry];

#[tokio::test]
async fn a_busy_store_keeps_the_previous_write_health() {
    for kind in BUSY {
        let Probed { messaging, store, .. } = Probed::new();
        let takes_writes = async || messaging.operations().health().await.unwrap().takes_writes;
        store.fail(2, kind, Effect::None);
        assert!(takes_writes().await, "{kind}");
        store.fail(2, StoreErrorKind::ReadOnly, Effect::None);
        assert!(!takes_writes().await);
        store.fail(2, kind, Effect::None);
        assert!(
            !takes_writes().await,
            "a busy store keeps the earlier failure: {kind}"
        );
        assert!(takes_writes().await);
    }
}

#[tokio::test]
async fn a_missing_table_or_corrupt_file_fails_write_health_until_a_probe_succeeds() {
    for kind in [StoreErrorKind::Internal, StoreErrorKind::Corrupt] {
        let Probed { messaging, store, .. } = Probed::new();
        let takes_writes = async || messaging.operations().health().await.unwrap().takes_writes;
        store.fail(2, kind, Effect::None);
        assert!(!takes_writes().await, "{kind}");
        store.fail(2, UNAVAILABLE, Effect::None);
        assert!(!takes_writes().await, "{kind}");
        assert!(takes_writes().await, "{kind}");
    }
}

#[tokio::test]
async fn a_store_busy_for_30_seconds_fails_write_health_until_a_probe_succeeds() {
    const HALF_A_MINUTE: Duration = Duration::from_secs(30);
    const BRIEF: Duration = Duration::from_millis(1);
    for kind in BUSY {
        let Probed {
            messaging,
            store,
            clock,
            ..
        } = Probed::new();
        let takes_writes = async || messaging.operations().health().await.unwrap().takes_writes;
        let busy_after = async |pause: Duration| {
            clock.advance(pause);
            store.fail(2, kind, Effect::None);
            takes_writes().await
        };
        // Since the start of the process, then since a successful probe.
        for _ in 0..2 {
            assert!(busy_after(HALF_A_MINUTE).await, "{kind}");
            assert!(!busy_after(BRIEF).await, "{kind}");
            assert!(!busy_after(BRIEF).await, "{kind}");
            assert!(takes_writes().await, "{kind}");
        }
        // A clock that is set back does not extend the 30 seconds.
        clock.set(clock.now() - Duration::from_hours(1));
        assert!(busy_after(BRIEF).await, "{kind}");
        assert!(busy_after(HALF_A_MINUTE).await, "{kind}");
        assert!(!busy_after(BRIEF).await, "{kind}");
    }
}

#[tokio::test]
async fn an_older_check_does_not_replace_a_newer_one() {
    let Probed {
        messaging,
        store,
        clock,
        ..
    } = Probed::new();
    let open_one = async |c: &str| {
        let plan = HostOpen::new(&user(c), &agent("alpine"), &user("ada"));
        let plan = messaging.operations().prepare_open(plan).unwrap();
        messaging.operations().open_prepared(&plan).await.unwrap();
    };
    for order in [Order::NewerFirst, Order::OlderFirst] {
        clock.advance(MAX_AGE);
        let (mut prompt, mut late) = (
            Box::pin(messaging.operations().recent_health()),
            Box::pin(messaging.operations().recent_health()),
        );
        let first = store.hold(1);
        assert!(poll!(&mut prompt).is_pending() && poll!(&mut late).is_pending());
        first.release();
        let older = prompt.await.unwrap().backlog.lanes;
        clock.advance(MAX_AGE);
        open_one(&format!("client of {order:?}").replace(' ', "-")).await;
        let second = store.hold(1);
        let mut newer = Box::pin(messaging.operations().recent_health());
        assert!(poll!(&mut newer).is_pending());
        let calls = store.calls();
        match order {
            Order::NewerFirst => {
                second.release();
                assert_eq!(newer.await.unwrap().backlog.lanes, older + 1);
                assert_eq!(
                    late.await.unwrap().backlog.lanes,
                    older,
                    "the result of its own check"
                );
            }
            Order::OlderFirst => {
                assert_eq!(late.await.unwrap().backlog.lanes, older);
                let mut another = Box::pin(messaging.operations().recent_health());
                assert!(
                    poll!(&mut another).is_pending(),
                    "the caller shares the check in progress"
                );
                second.release();
                assert_eq!(another.await.unwrap().backlog.lanes, older + 1);
                newer.await.unwrap();
            }
        }
        assert_eq!(
            messaging
                .operations()
                .recent_health()
                .await
                .unwrap()
                .backlog
                .lanes,
            older + 1
        );
        assert_eq!(store.calls(), calls + CALLS - 1, "no third check is made");
    }
}

#[derive(Debug, Clone, Copy)]
enum Order {
    NewerFirst,
    OlderFirst,
}

#[tokio::test]
async fn refused_workers_fail_publish_health_until_admitted() {
    let Probed {
        messaging,
        workers,
        store,
        ..
    } = Probed::new();
    assert!(messaging.operations().health().await.unwrap().publishes());
    store.fail(1, StoreErrorKind::ReadOnly, Effect::None);
    workers.relay().step().await.unwrap_err();
    let health = messaging.operations().health().await.unwrap();
    assert!(health.takes_writes && !health.admits_workers && !health.publishes());
    workers.relay().step().await.unwrap();
    assert!(messaging.operations().health().await.unwrap().publishes());
}

/// A host without running workers, and the log of its thread.
fn without_workers() -> (World, Log, tracing::subscriber::DefaultGuard) {
    let (log, guard) = Log::begin();
    (World::new(), log, guard)
}

const NO_WORKER: &str = "no worker has claimed them";

/// Advances the clock, and runs the tasks that wait for it.
async fn pass(clock: &ManualClock, time: Duration) {
    tokio::task::yield_now().await;
    clock.advance(time);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_host_without_workers_is_told_once_that_nothing_is_published() {
    let (world, log, _guard) = without_workers();
    let opened = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await;
    let id = opened.unwrap().conversation.id();
    pass(&world.clock, Duration::from_millis(4_999)).await;
    let health = world.messaging.operations().health().await.unwrap();
    assert_eq!(log.lines(NO_WORKER), Vec::<String>::new());
    assert_eq!(health.unclaimed_for, Some(Duration::from_millis(4_999)));
    assert!(!health.lacks_workers());
    pass(&world.clock, Duration::from_millis(1)).await;
    assert_eq!(log.lines(NO_WORKER).len(), 1);
    assert!(
        world
            .messaging
            .operations()
            .health()
            .await
            .unwrap()
            .lacks_workers()
    );
    for _ in 0..3 {
        world.send(&carl(), id, "hello").await;
        pass(&world.clock, Duration::from_secs(10)).await;
    }
    assert_eq!(log.lines(NO_WORKER).len(), 1, "once");
}

#[tokio::test]
async fn a_host_whose_events_another_process_publishes_is_told_nothing() {
    let (world, log, _guard) = without_workers();
    let id = world.open().await;
    for _ in 0..3 {
        world.send(&carl(), id, "hello").await;
        pass(&world.clock, Duration::from_millis(4_999)).await;
        // This worker stands for another process: it registers no lane for this one.
        world.workers.relay().step().await.unwrap();
        pass(&world.clock, Duration::from_secs(1)).await;
    }
    assert_eq!(log.lines(NO_WORKER), Vec::<String>::new());
    let health = world.messaging.operations().health().await.unwrap();
    assert_eq!(health.unclaimed_for, None);
    world.send(&carl(), id, "and then its workers end").await;
    pass(&world.clock, Duration::from_secs(5)).await;
    assert_eq!(log.lines(NO_WORKER).len(), 1);
}

#[tokio::test]
async fn each_append_is_watched_for_as_long_as_it_may_wait() {
    let (world, log, _guard) = without_workers();
    let id = world.open().await;
    pass(&world.clock, Duration::from_secs(3)).await;
    world
        .send(&carl(), id, "three seconds after the watch began")
        .await;
    pass(&world.clock, Duration::from_millis(4_999)).await;
    assert_eq!(log.lines(NO_WORKER), Vec::<String>::new());
    pass(&world.clock, Duration::from_millis(1)).await;
    assert_eq!(log.lines(NO_WORKER).len(), 1);
}

#[tokio::test]
async fn a_host_with_workers_is_told_nothing_while_they_run() {
    let (world, log, _guard) = without_workers();
    let running = world.workers.relay().activate_worker();
    world.open().await;
    pass(&world.clock, Duration::from_mins(1)).await;
    assert_eq!(log.lines(NO_WORKER), Vec::<String>::new());
    drop(running);
}

#[tokio::test]
async fn a_host_that_opens_in_its_own_transactions_is_warned_too() {
    let (world, log, _guard) = without_workers();
    let opened = HostOpen::new(&user("carl"), &agent("alpine"), &user("ada"));
    let plan = world.messaging.operations().prepare_open(opened).unwrap();
    // As within a transaction of the host's, which this instance does not see.
    world.store.open(&plan, Publisher::Anyone).await.unwrap();
    world.messaging.operations().wake();
    pass(&world.clock, Duration::from_secs(5)).await;
    assert_eq!(log.lines(NO_WORKER).len(), 1);
}
