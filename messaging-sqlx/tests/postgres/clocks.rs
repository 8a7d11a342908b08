//! Leases mean nothing between clocks that are far apart: a relay whose clock is not the database's gets no
//! lanes, and what its process writes is published by others.

use std::error::Error as _;

use messaging_core::{
    port::store::{Claim, Conversations as _, Lane, Outbox as _, StoreError, StoreErrorKind},
    time::Timestamp,
};
use messaging_sqlx::{
    PgStore,
    postgres::{ClockCheck, ClockSkew},
};
use messaging_testkit::make::{plan, secs, worker, worker_id};

use crate::bench::{Bench, check};

/// Far longer than any of this takes: a third of it is what clocks may differ by.
const LEASE: u64 = 600;
const WITHIN: [i64; 3] = [-100, 0, 100];
const BEYOND: [i64; 2] = [-300, 300];

fn checking(bench: &Bench) -> PgStore {
    bench.store_with(&bench.options().with_clock_check(ClockCheck::On))
}

/// The time by a clock that is so many seconds ahead of the database's.
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

/// Whether a step of this store gets the lane that it makes.
async fn owns_what_it_makes(store: &PgStore, client: u64, now: Timestamp) -> bool {
    let publisher = worker(1, now + secs(LEASE));
    let opened = store.open(&plan(client, 1), publisher).await.unwrap();
    assert!(opened.created);
    opened.lane.is_some()
}

#[tokio::test]
async fn a_clock_within_a_third_of_a_lease_gets_lanes() {
    for ahead in WITHIN {
        let bench = Bench::new().await;
        let store = checking(&bench);
        let now = time(&bench, ahead).await;
        assert_eq!(claim(&store, now).await.unwrap().len(), 1);
        assert!(owns_what_it_makes(&store, 2, now).await);
    }
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_gets_none_and_says_by_how_much() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let store = checking(&bench);
        let error = claim(&store, time(&bench, ahead).await).await.unwrap_err();
        check(&error, StoreErrorKind::ReadOnly);
        let cause = error.source().unwrap().downcast_ref::<ClockSkew>();
        let ClockSkew { skew, tolerated } = *cause.unwrap();
        // The database is behind of whoever is ahead; some seconds may have passed.
        assert!(
            (skew + f64::from(i32::try_from(ahead).unwrap())).abs() < 60.0,
            "{skew}"
        );
        assert_eq!(tolerated, secs(LEASE / 3));

        let other = checking(&bench);
        let left = claim(&other, time(&bench, 0).await).await.unwrap();
        assert_eq!(left.len(), 1, "it was given to nobody");
    }
}

#[tokio::test]
async fn what_a_process_writes_whose_clock_is_off_is_anyone_s_until_the_clocks_agree() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let (store, other) = (checking(&bench), checking(&bench));
        // Nobody has compared them yet.
        let off = time(&bench, ahead).await;
        assert!(owns_what_it_makes(&store, 2, off).await);
        claim(&store, off).await.unwrap_err();
        assert!(!owns_what_it_makes(&store, 3, off).await);
        assert!(
            !owns_what_it_makes(&store.clone(), 4, off).await,
            "a clone is the same"
        );

        let now = time(&bench, 0).await;
        assert!(owns_what_it_makes(&other, 5, now).await, "another is not");
        assert!(!claim(&store, now).await.unwrap().is_empty());
        assert!(owns_what_it_makes(&store, 6, now).await, "the clocks agree again");
    }
}

#[tokio::test]
async fn a_lane_of_a_process_whose_clock_is_off_is_due_now_by_the_databases() {
    for ahead in BEYOND {
        let bench = Bench::new().await;
        let (store, other) = (checking(&bench), checking(&bench));
        claim(&other, time(&bench, 0).await).await.unwrap();
        claim(&store, time(&bench, ahead).await).await.unwrap_err();
        let before = time(&bench, 0).await;
        assert!(!owns_what_it_makes(&store, 2, time(&bench, ahead).await).await);
        let now = time(&bench, 0).await + secs(1);
        let recent = Claim::new(worker_id(1), now, now + secs(LEASE), 9).since(before);
        assert_eq!(other.claim_lanes(&recent).await.unwrap().len(), 1, "{ahead}");
    }
}

#[tokio::test]
async fn clocks_that_are_not_to_be_compared_are_not() {
    let bench = Bench::new().await;
    let store = bench.store_with(&bench.options().with_clock_check(ClockCheck::Off));
    let off = time(&bench, 1_000_000).await;
    assert_eq!(claim(&store, off).await.unwrap().len(), 1);
    assert!(owns_what_it_makes(&store, 2, off).await);
}
