//! A worker whose claim met another worker's claims the users that are left.

use messaging_core::{
    domain::side::Side,
    store::{Append, ConversationStore as _, DigestClaim, DigestStore as _, Publisher},
};
use messaging_testkit::make::{agent_user_id, at, client_id, message, plan, secs, worker_id};

use crate::support::postgres::Bench;

#[tokio::test]
async fn a_claim_that_loses_all_its_users_claims_others() {
    let bench = Bench::new().await;
    let store = bench.store();
    for pair in 1..=4 {
        let plan = plan(10 + pair, pair);
        store.open(&plan, Publisher::Anyone).await.unwrap();
        let message = message(u32::try_from(pair).unwrap(), Side::Client, &client_id(10 + pair));
        let message = message.with_digest_at(Some(at(60 - 10 + i64::try_from(pair).unwrap())));
        let step = Append::new(plan.id, 0, message, Publisher::Anyone);
        store.append(&step).await.unwrap();
    }
    let first = DigestClaim::new(worker_id(1), at(60), at(360), 4);
    let due = store.claim_digests(&first).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| due.lease.user_id).collect();
    assert_eq!(due, (1..=4).map(agent_user_id).collect::<Vec<_>>());

    let mut other = bench.session().await;
    let expire = "UPDATE messaging.digest_user SET until = '2026-01-01 00:01:00Z'";
    other.run(expire).await;
    // Another worker's claim of the two that have been due for longest.
    let claim = "BEGIN; UPDATE messaging.digest_user SET until = '2026-01-01 01:00:00Z' WHERE user_id IN ('agent-1', 'agent-2')";
    other.run(claim).await;
    let second = DigestClaim::new(worker_id(2), at(60), at(360), 2);
    let (claimed, ()) = tokio::join!(store.claim_digests(&second), async {
        bench.until_waiting(1).await;
        other.run("COMMIT").await;
    });
    let claimed: Vec<_> = claimed
        .unwrap()
        .into_iter()
        .map(|due| due.lease.user_id)
        .collect();
    assert_eq!(claimed, [agent_user_id(3), agent_user_id(4)]);
    let third = DigestClaim::new(worker_id(3), at(60), at(60) + secs(300), 2);
    assert_eq!(store.claim_digests(&third).await.unwrap(), []);
}
