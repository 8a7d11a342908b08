//! Recounts of large data, during traffic, and in ranges.

use futures_util::{TryStreamExt as _, future::join_all};
use messaging_core::{
    ConversationId,
    domain::side::Side,
    store::{Claim, ConversationStore as _, MarkRead, Marked, OutboxStore as _, Publisher, StoreErrorKind},
    verify::{ConversationRange, Discrepancy, Finding, verify},
};
use messaging_sqlx::PgStore;
use messaging_testkit::{
    make::{at, booking, conversation_id, message_id, plan, secs, worker_id},
    recount,
};

use crate::support::postgres::{Bench, is_stored_in_the_end};

async fn verified(store: &PgStore, range: ConversationRange) -> Vec<Discrepancy> {
    verify(store, range).try_collect().await.unwrap()
}

/// Extends the bench's conversation to 30,000 messages of its client.
const LONG: &str = "
    INSERT INTO messaging.message (conversation_id, seq, id, from_side, to_sides, sender_id, body, created_at,
        client_position, agent_position)
        SELECT id, n, gen_random_uuid(), 1, 2, client_id, 'message', created_at + n * interval '1 s', 0, n
        FROM messaging.conversation, generate_series(1, 30000) n;
    UPDATE messaging.conversation SET last_seq = 30000, agent_received = 30000, events = 30001,
        activity_at = created_at + 30000 * interval '1 s'";

#[tokio::test]
async fn a_long_conversation_and_many_short_ones_are_all_counted() {
    let bench = Bench::new().await;
    let store = bench.store();
    bench.session().await.run(LONG).await;
    let opens: Vec<_> = (2..300).map(|client| plan(client, 1)).collect();
    let opened = join_all(opens.iter().map(|plan| store.open(plan, Publisher::Anyone))).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(verified(&store, ConversationRange::all()).await, []);

    let damage = "UPDATE messaging.message SET agent_position = 0 WHERE seq = 29999;
        UPDATE messaging.conversation SET client_received = 1 WHERE client_id = 'client-299'";
    bench.session().await.run(damage).await;
    let long = Discrepancy {
        conversation_id: conversation_id(1_001),
        finding: Finding::Position {
            side: Side::Agent,
            seq: 29_999,
        },
    };
    let short = Discrepancy {
        conversation_id: conversation_id(299_001),
        finding: Finding::Received {
            side: Side::Client,
            kept: 1,
            counted: 0,
        },
    };
    assert_eq!(verified(&store, ConversationRange::all()).await, [long, short]);
}

#[tokio::test]
async fn the_conversations_of_a_range_are_in_id_order() {
    let bench = Bench::new().await;
    let store = bench.store();
    store.open(&plan(2, 1), Publisher::Anyone).await.unwrap();
    let damage = "UPDATE messaging.conversation SET last_seq = 1, events = 0";
    bench.session().await.run(damage).await;
    let all = ConversationRange::all();
    let (first, second) = (conversation_id(1_001), conversation_id(2_001));
    for (range, expected) in [
        (all, &[first, first, second, second][..]),
        (all.after(first), &[second, second]),
        (all.up_to(first), &[first, first]),
        (all.after(second), &[]),
        (all.after(first).up_to(first), &[]),
    ] {
        let found = verified(&store, range).await;
        let ids: Vec<_> = found.iter().map(|one| one.conversation_id).collect();
        assert_eq!(ids, expected, "{range:?}");
    }
}

#[tokio::test]
async fn an_unreadable_conversation_ends_the_verification() {
    let bench = Bench::new().await;
    let damage = "UPDATE messaging.conversation SET access_version = -1";
    bench.session().await.run(damage).await;
    let store = bench.store();
    let walked: Result<Vec<_>, _> = verify(&store, ConversationRange::all()).try_collect().await;
    assert_eq!(walked.unwrap_err().kind(), StoreErrorKind::Corrupt);
}

/// Sends a message, reads it, links a booking and claims lanes.
async fn run_steps(store: &PgStore, id: ConversationId, n: u32) {
    assert!(is_stored_in_the_end(store, n).await);
    let read = |access_version| {
        MarkRead::new(
            id,
            access_version,
            Side::Agent,
            message_id(n.into()),
            at(n.into()),
            Publisher::Anyone,
        )
    };
    // Decided again after each concurrent booking.
    loop {
        let access_version = store
            .find_conversation(id.into())
            .await
            .unwrap()
            .unwrap()
            .access_version;
        if store.mark_read(&read(access_version)).await.unwrap() != Marked::Conflict {
            break;
        }
    }
    let book = plan(1, 1).with_booking_id(Some(booking(format!("b{n}"))));
    store.open(&book, Publisher::Anyone).await.unwrap();
    let now = at(n.into());
    let claim = Claim::new(worker_id(u64::from(n)), now, now + secs(1), 9);
    store.claim_lanes(&claim).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recount_beside_traffic_finds_nothing() {
    let bench = Bench::new().await;
    let (store, id) = (bench.store(), conversation_id(1_001));
    for round in 0..10 {
        let talking = join_all((1..=10).map(|n| run_steps(&store, id, 10 * round + n)));
        let counting = async {
            for _ in 0..10 {
                assert_eq!(verified(&store, ConversationRange::all()).await, []);
            }
        };
        tokio::join!(talking, counting);
    }
    let recounted = recount(&store).await.unwrap();
    recounted.assert_clean();
    assert_eq!(recounted.messages(), 100);
}
