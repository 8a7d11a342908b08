//! Rate limits across processes.

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::host::rate_limit::{Admission, Limited, Quota, RateLimiter, RateLimits};
use messaging_sqlx::{PgRateLimiter, PgStore};
use messaging_testkit::make::{at, client_id};

use crate::support::postgres::Bench;

const HOUR: Duration = Duration::from_hours(1);

fn limits(burst: u32, every: Duration) -> RateLimits {
    let quota = Quota::new(burst, every);
    RateLimits::default()
        .with(Limited::Send, quota)
        .with(Limited::Open, quota)
}

async fn is_admitted(limiter: &PgRateLimiter, user: u64, what: Limited) -> bool {
    let admission = limiter.admit(&client_id(user), what, at(0)).await.unwrap();
    admission == Admission::Admitted
}

#[tokio::test]
async fn concurrent_actions_in_two_processes_admit_exactly_the_burst() {
    let bench = Bench::new().await;
    let processes = [bench.store(), bench.store()].map(|store| store.rate_limiter(limits(7, HOUR)));
    let tries = (0..60).map(|n| is_admitted(&processes[n % 2], 1, Limited::Send));
    let admitted = join_all(tries)
        .await
        .into_iter()
        .filter(|admitted| *admitted)
        .count();
    assert_eq!(admitted, 7);
    for process in &processes {
        assert!(!is_admitted(process, 1, Limited::Send).await);
        assert!(
            is_admitted(process, 2, Limited::Send).await,
            "each user has a quota"
        );
        assert!(
            is_admitted(process, 1, Limited::Open).await,
            "each kind of action has a quota"
        );
    }
}

#[tokio::test]
async fn a_user_who_waits_for_retry_after_is_admitted() {
    let bench = Bench::new().await;
    let (limiter, every) = (bench.store().rate_limiter(limits(2, HOUR)), HOUR.as_millis());
    for _ in 0..2 {
        assert!(is_admitted(&limiter, 1, Limited::Send).await);
    }
    let refused = limiter.admit(&client_id(1), Limited::Send, at(0)).await.unwrap();
    let Admission::Refused { retry_after } = refused else {
        panic!("{refused:?}")
    };
    // Part of the hour has passed when the answer arrives.
    assert!(
        (every - 60_000..=every).contains(&retry_after.as_millis()),
        "{retry_after:?}"
    );
    let an_hour_passes = "UPDATE messaging.rate SET whole_at = whole_at - interval '1 hour'";
    bench.session().await.run(an_hour_passes).await;
    let then = at(0) + retry_after;
    let admission = limiter.admit(&client_id(1), Limited::Send, then).await.unwrap();
    assert_eq!(admission, Admission::Admitted);
    let admission = limiter.admit(&client_id(1), Limited::Send, then).await.unwrap();
    assert!(matches!(admission, Admission::Refused { .. }));
}

#[tokio::test]
async fn a_refusal_is_cached_until_retry_after_and_writes_nothing() {
    let bench = Bench::new().await;
    let (wire, url) = bench.wire();
    let store = PgStore::from_url(&url, &bench.options()).unwrap();
    let limiter = store.rate_limiter(limits(1, HOUR));
    assert!(is_admitted(&limiter, 1, Limited::Send).await);
    let row = "SELECT string_agg(concat(ctid, ' ', xmin, ' ', xmax), ', ') FROM messaging.rate";
    let mut session = bench.session().await;
    let written = session.text(row).await;
    assert!(!is_admitted(&limiter, 1, Limited::Send).await);
    let before = wire.counts();
    for _ in 0..100 {
        assert!(!is_admitted(&limiter, 1, Limited::Send).await);
    }
    assert_eq!(wire.counts().since(before).statements, 0);
    let another = bench.store().rate_limiter(limits(1, HOUR));
    assert!(!is_admitted(&another, 1, Limited::Send).await);
    assert_eq!(session.text(row).await, written, "the row was not even locked");
}

#[tokio::test]
async fn a_zero_interval_is_unlimited_and_stores_nothing() {
    let bench = Bench::new().await;
    let limiter = bench.store().rate_limiter(limits(1, Duration::ZERO));
    for _ in 0..20 {
        assert!(is_admitted(&limiter, 1, Limited::Send).await);
    }
    let rows = bench
        .session()
        .await
        .text("SELECT count(*)::text FROM messaging.rate")
        .await;
    assert_eq!(rows, "0");
}

#[tokio::test]
async fn the_longest_interval_is_accepted() {
    let bench = Bench::new().await;
    let limiter = bench.store().rate_limiter(limits(u32::MAX, Duration::MAX));
    for _ in 0..3 {
        limiter.admit(&client_id(1), Limited::Send, at(0)).await.unwrap();
    }
}

/// The stored time is as far ahead as it is after a clock was set back.
#[tokio::test]
async fn after_setting_the_clock_back_a_wait_is_at_most_a_full_refill() {
    let every = Duration::from_millis(1);
    let (bench, user) = (Bench::new().await, client_id(1));
    let limiter = bench.store().rate_limiter(limits(3, every));
    assert!(is_admitted(&limiter, 1, Limited::Send).await);
    let mut session = bench.session().await;
    session
        .run("UPDATE messaging.rate SET whole_at = now() + interval '1 hour'")
        .await;
    // Only the database's clock counts; this time decides when to ask again.
    let mut now = at(0);
    loop {
        match limiter.admit(&user, Limited::Send, now).await.unwrap() {
            Admission::Admitted => break,
            Admission::Refused { retry_after } => {
                assert!(retry_after <= 3 * every, "{retry_after:?}");
                now = now + retry_after + every;
            }
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_invalidates_cached_refusals() {
    let bench = Bench::new().await;
    let limiter = bench.store().rate_limiter(limits(1, HOUR));
    let user = client_id(1);
    assert!(is_admitted(&limiter, 1, Limited::Send).await);
    for seconds in [1_000_000, 0, -1_000_000] {
        let refused = limiter.admit(&user, Limited::Send, at(seconds)).await.unwrap();
        let Admission::Refused { retry_after } = refused else {
            panic!("an hour has not passed");
        };
        assert!(retry_after <= HOUR, "{retry_after:?} at {seconds}");
    }
}

#[tokio::test]
async fn a_refunded_action_is_admitted_again_by_every_process() {
    let bench = Bench::new().await;
    let processes = [bench.store(), bench.store()].map(|store| store.rate_limiter(limits(2, HOUR)));
    let [one, other] = &processes;
    for _ in 0..2 {
        assert!(is_admitted(one, 1, Limited::Send).await);
    }
    assert!(!is_admitted(one, 1, Limited::Send).await, "the refusal is cached");
    one.give_back(&client_id(1), Limited::Send, at(0)).await.unwrap();
    assert!(is_admitted(one, 1, Limited::Send).await);
    assert!(!is_admitted(other, 1, Limited::Send).await);
    for _ in 0..9 {
        other
            .give_back(&client_id(1), Limited::Send, at(0))
            .await
            .unwrap();
    }
    let mut admitted = Vec::new();
    for _ in 0..3 {
        admitted.push(is_admitted(other, 1, Limited::Send).await);
    }
    assert_eq!(
        admitted,
        [true, true, false],
        "refunds do not exceed a full quota"
    );
    one.give_back(&client_id(2), Limited::Send, at(0)).await.unwrap();
    assert!(
        is_admitted(one, 2, Limited::Send).await,
        "a user without an admission"
    );
}
