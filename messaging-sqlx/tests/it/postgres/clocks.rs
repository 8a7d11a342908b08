//! Leases require clocks that roughly agree: a relay whose clock differs too much from the database's gets no
//! lanes, and other processes publish the events of its process.

use std::{error::Error as _, time::Duration};

use futures_util::future::join_all;
use messaging_core::{
    domain::side::Side,
    store::{
        Append, Appended, Claim, ConversationStore as _, Lane, MarkRead, Marked, Moved, OutboxStore as _,
        Publisher, StoreError, StoreErrorKind,
    },
    time::Timestamp,
};
use messaging_sqlx::{
    PgStore,
    postgres::{ClockCheck, ClockSkew, GroupCommit},
};
use messaging_testkit::{
    make::{conversation_id, plan, secs, worker, worker_id},
    recount,
};

use crate::support::postgres::{Bench, check, send};

/// Far longer than these tests take. Clocks may differ by a third of it.
const LEASE: u64 = 600;
const WITHIN: [i64; 3] = [-100, 0, 100];
const BEYOND: [i64; 2] = [-300, 300];

fn checking(bench: &Bench) -> PgStore {
    bench.store_with(&bench.options().with_clock_check(ClockCheck::On))
}

/// Returns the time of a clock that is `ahead` seconds ahead of the database's.
async fn time(bench: &Bench, ahead: i64) -> Timestamp {
    let mut session = bench.session().await;
    let millis: i64 = sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        .fetch_one(&mut session.connection)
        .await
        .unwrap();
    Timestamp::from_millis(millis + ahead * 1_000)
}

async fn claim(store: &PgStore, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
    let claim = Claim::new(worker_id(1), now, now + secs(LEASE), 9);
    store.claim_lanes(&claim).await
}

/// Opens a conversation, and returns whether the step obtains the new lane.
async fn owns_its_new_lanes(store: &PgStore, client: u64, now: Timestamp) -> bool {
    let publisher = worker(1, now + secs(LEASE));
    let opened = store.open(&plan(client, 1), publisher).await.unwrap();
    assert!(opened.created);
    opened.entry.unwrap().lane.is_some()
}

#[tokio::test]
async fn a_clock_within_a_third_of_a_lease_can_claim() {
    for ahead in WITHIN {
        let bench = Bench::new().await;
        let store = checking(&bench);
        let now = time(&bench, ahead).await;
        assert_eq!(claim(&store, now).await.unwrap().len(), 1);
        assert!(owns_its_new_lanes(&store, 2, now).await);
    }
}

#[tokio::test]
async fn a_clock_with_more_skew_cannot_claim_and_reports_the_skew() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let store = checking(&bench);
        let error = claim(&store, time(&bench, ahead).await).await.unwrap_err();
        check(&error, StoreErrorKind::ReadOnly);
        let cause = error.source().unwrap().downcast_ref::<ClockSkew>();
        let ClockSkew { skew, tolerated } = *cause.unwrap();
        // A clock that is ahead sees the database behind; some seconds may have passed.
        assert!(
            (skew + f64::from(i32::try_from(ahead).unwrap())).abs() < 60.0,
            "{skew}"
        );
        assert_eq!(tolerated, secs(LEASE / 3));

        let other = checking(&bench);
        let left = claim(&other, time(&bench, 0).await).await.unwrap();
        assert_eq!(left.len(), 1, "the refused claim leased no lane");
    }
}

#[tokio::test]
async fn lanes_of_a_process_with_clock_skew_have_no_owner_until_the_clocks_agree() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let (store, other) = (checking(&bench), checking(&bench));
        // The clocks have not been compared yet.
        let off = time(&bench, ahead).await;
        assert!(owns_its_new_lanes(&store, 2, off).await);
        claim(&store, off).await.unwrap_err();
        assert!(!owns_its_new_lanes(&store, 3, off).await);
        assert!(
            !owns_its_new_lanes(&store.clone(), 4, off).await,
            "a clone shares the comparison"
        );

        let now = time(&bench, 0).await;
        assert!(
            owns_its_new_lanes(&other, 5, now).await,
            "another store does not share it"
        );
        assert!(!claim(&store, now).await.unwrap().is_empty());
        assert!(owns_its_new_lanes(&store, 6, now).await, "the clocks agree again");
    }
}

#[tokio::test]
async fn a_lane_of_a_process_with_clock_skew_is_due_by_the_databases_clock() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let (store, other) = (checking(&bench), checking(&bench));
        claim(&other, time(&bench, 0).await).await.unwrap();
        claim(&store, time(&bench, ahead).await).await.unwrap_err();
        let before = time(&bench, 0).await;
        assert!(!owns_its_new_lanes(&store, 2, time(&bench, ahead).await).await);
        assert_eq!(claim(&other, before - secs(1)).await.unwrap(), [], "{ahead}");
        let now = time(&bench, 0).await + secs(1);
        assert_eq!(claim(&other, now).await.unwrap().len(), 1, "{ahead}");
    }
}

#[tokio::test]
async fn the_comparison_of_clocks_can_be_disabled() {
    let bench = Bench::new().await;
    let store = bench.store_with(&bench.options().with_clock_check(ClockCheck::Off));
    let off = time(&bench, 1_000_000).await;
    assert_eq!(claim(&store, off).await.unwrap().len(), 1);
    assert!(owns_its_new_lanes(&store, 2, off).await);
}

/// The only connection is in use for longer than the tolerated skew.
#[tokio::test]
async fn a_wait_for_a_connection_does_not_count_as_clock_skew() {
    let bench = Bench::new().await;
    let pool = bench.pool(1);
    let options = bench.options().with_clock_check(ClockCheck::On);
    let store = PgStore::on_pool(pool.clone(), &options.with_acquire_timeout(secs(60)));
    // The first step checks the migrations as well.
    store
        .find_conversation(conversation_id(1_001).into())
        .await
        .unwrap();
    let taken = pool.acquire().await.unwrap();
    let now = time(&bench, 0).await;
    // A third of this lease expires before the connection is free.
    let lease = Duration::from_millis(300);
    let claim = Claim::new(worker_id(1), now, now + lease, 9);
    let mut claiming = Box::pin(store.claim_lanes(&claim));
    assert!(futures_util::poll!(&mut claiming).is_pending());
    while time(&bench, 0).await < now + lease {}
    drop(taken);
    claiming.await.unwrap();
    assert!(
        owns_its_new_lanes(&store, 2, time(&bench, 0).await).await,
        "its clock agrees"
    );
}

/// The times of a process whose clock is ahead do not lie in the future of other processes.
#[tokio::test]
async fn no_written_time_is_ahead_of_the_databases_clock() {
    for group_commit in [GroupCommit::On, GroupCommit::Off] {
        let bench = Bench::new().await;
        let options = bench.options().with_clock_check(ClockCheck::On);
        let store = bench.store_with(&options.with_group_commit(group_commit));
        let ahead = time(&bench, 86_400).await;
        let (opening, id) = (plan(2, 1).with_now(ahead), plan(2, 1).id);
        store.open(&opening, Publisher::Anyone).await.unwrap();
        let steps: Vec<Append> = (1..=4)
            .map(|n| {
                let mut step = send(n);
                step.conversation_id = id;
                step.message.now = ahead;
                step.message.digest_at = Some(ahead + secs(1_800));
                step
            })
            .collect();
        for sent in join_all(steps.iter().map(|step| store.append(step))).await {
            let Appended::Stored(stored) = sent.unwrap() else {
                panic!("the message was not stored");
            };
            assert!(stored.message.created_at < time(&bench, 2).await);
        }
        let read = MarkRead::new(id, 0, Side::Agent, steps[3].message.id, ahead, Publisher::Anyone);
        let Marked::Moved(Moved { receipt, .. }) = store.mark_read(&read).await.unwrap() else {
            panic!("the read position did not move");
        };
        let latest = time(&bench, 2).await;
        assert!(receipt.read_at < latest);
        let found = store.find_conversation(id.into()).await.unwrap().unwrap();
        assert!(found.created_at < latest && found.activity_at < latest);
        let mut session = bench.session().await;
        let late = session
            .count("SELECT count(*) FROM messaging.conversation WHERE client_due_at > now() + interval '1803 seconds'
                OR agent_due_at > now() + interval '1803 seconds'")
            .await;
        assert_eq!(late, 0, "the delay of an e-mail is unchanged");
        recount(&store).await.unwrap().assert_clean();
    }
}

#[tokio::test]
async fn a_time_not_ahead_is_written_unchanged() {
    let bench = Bench::new().await;
    let store = checking(&bench);
    for (ahead, n) in [(-86_400, 1), (-1, 2)] {
        let now = time(&bench, ahead).await;
        let mut step = send(n);
        step.message.now = now;
        let Appended::Stored(stored) = store.append(&step).await.unwrap() else {
            panic!("the message was not stored");
        };
        assert_eq!(stored.message.created_at, now);
    }
}
