//! A recount of a corrupt schema finds exactly the corrupt values.

use futures_util::TryStreamExt as _;
use messaging_core::{
    domain::{
        side::Side::{Agent, Client},
        unread::ReadMark,
    },
    store::{ConversationStore as _, MarkRead, Publisher},
    verify::{ConversationRange, Discrepancy, Finding, verify},
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{at, conversation_id, message_id, plan};

use crate::support::postgres::{Bench, is_stored};

/// Five messages of the client, of which the agent has read three at second 9, beside another conversation.
/// Seven events are unpublished.
async fn conversation_with_events() -> Bench {
    let bench = Bench::new().await;
    let store = bench.store();
    for n in 1..=5 {
        assert!(is_stored(&store, n).await);
    }
    let read = MarkRead::new(
        conversation_id(1_001),
        0,
        Agent,
        message_id(3),
        at(9),
        Publisher::Anyone,
    );
    store.mark_read(&read).await.unwrap();
    store.open(&plan(2, 1), Publisher::Anyone).await.unwrap();
    bench
}

async fn verified(store: &PgStore) -> Vec<Discrepancy> {
    let found = verify(store, ConversationRange::all());
    found.try_collect().await.unwrap()
}

/// Checks the findings in the first conversation after a corruption of it, and that the other has none.
async fn check(damage: &str, expected: &[Finding]) {
    let bench = conversation_with_events().await;
    let store = bench.store();
    assert_eq!(verified(&store).await, []);
    let id = conversation_id(1_001);
    let of_it = damage
        .replace("OF_IT", &format!("conversation_id = '{id}'"))
        .replace("IT", &format!("id = '{id}'"));
    // Constraints that would refuse the corruption.
    let unguarded = "ALTER TABLE messaging.conversation DROP CONSTRAINT conversation_check,
        DROP CONSTRAINT conversation_check1, DROP CONSTRAINT conversation_check2,
        DROP CONSTRAINT conversation_check3;";
    bench.session().await.run(&format!("{unguarded} {of_it}")).await;
    let found = verified(&store).await;
    assert!(
        found.iter().all(|one| one.conversation_id == id),
        "{damage}: {found:?}"
    );
    let findings: Vec<_> = found.iter().map(|one| one.finding).collect();
    assert_eq!(findings, expected, "{damage}");
}

const fn received(kept: u64, counted: u64) -> Finding {
    Finding::Received {
        side: Agent,
        kept,
        counted,
    }
}

const fn read(kept: u64, counted: u64) -> Finding {
    Finding::Read {
        side: Agent,
        kept,
        counted,
    }
}

const WRONG_RECEIPT: Finding = Finding::Receipt {
    side: Agent,
    up_to_seq: 3,
};

fn last_read(kept: Option<(u64, i64)>, counted: Option<(u64, i64)>) -> Finding {
    let mark =
        |mark: Option<(u64, i64)>| mark.map(|(up_to_seq, second)| ReadMark::new(up_to_seq, at(second)));
    Finding::LastRead {
        side: Agent,
        kept: mark(kept),
        counted: mark(counted),
    }
}

#[tokio::test]
async fn a_lost_or_moved_message_is_found() {
    let misplaced = Finding::Position { side: Agent, seq: 3 };
    let lost = Finding::Messages {
        last_seq: 5,
        counted: 4,
    };
    check(
        "DELETE FROM messaging.message WHERE OF_IT AND seq = 2",
        &[lost, misplaced, received(5, 4), read(3, 2), WRONG_RECEIPT],
    )
    .await;
    let newest = Finding::LastSeq { kept: 5, counted: 4 };
    check(
        "DELETE FROM messaging.message WHERE OF_IT AND seq = 5",
        &[
            newest,
            Finding::Activity {
                kept: at(5),
                counted: at(4),
            },
            received(5, 4),
        ],
    )
    .await;
    check(
        "UPDATE messaging.message SET agent_position = 9 WHERE OF_IT AND seq = 3",
        &[misplaced],
    )
    .await;
    let early =
        "UPDATE messaging.message SET created_at = created_at - interval '1 day' WHERE OF_IT AND seq = 2";
    check(early, &[Finding::Time { seq: 2 }]).await;
}

#[tokio::test]
async fn a_wrong_stored_number_is_found() {
    let clients = Finding::Received {
        side: Client,
        kept: 1,
        counted: 0,
    };
    for (column, finding) in [
        ("last_seq = 6", Finding::LastSeq { kept: 6, counted: 5 }),
        ("client_received = 1", clients),
        ("agent_received = 4", received(4, 5)),
        ("agent_read = 2", read(2, 3)),
        ("agent_read = 9", read(9, 3)),
        ("events = 6", Finding::Events { kept: 6, at_least: 7 }),
        ("agent_read_seq = 2", last_read(Some((2, 9)), Some((3, 9)))),
        ("agent_read_at = NULL", last_read(None, Some((3, 9)))),
    ] {
        check(
            &format!("UPDATE messaging.conversation SET {column} WHERE IT"),
            &[finding],
        )
        .await;
    }
}

#[tokio::test]
async fn a_lost_or_wrong_receipt_is_found() {
    check(
        "DELETE FROM messaging.receipt WHERE OF_IT",
        &[read(3, 0), last_read(Some((3, 9)), None)],
    )
    .await;
    check(
        "UPDATE messaging.receipt SET position = 2 WHERE OF_IT",
        &[WRONG_RECEIPT],
    )
    .await;
}

#[tokio::test]
async fn an_altered_receipt_is_found() {
    let reaches_too_far = Finding::Receipt {
        side: Agent,
        up_to_seq: 8,
    };
    check(
        "UPDATE messaging.receipt SET up_to_seq = 8 WHERE OF_IT",
        &[read(3, 5), last_read(Some((3, 9)), Some((8, 9))), reaches_too_far],
    )
    .await;
    check(
        "UPDATE messaging.receipt SET read_at = read_at - interval '8 s' WHERE OF_IT",
        &[last_read(Some((3, 9)), Some((3, 1))), WRONG_RECEIPT],
    )
    .await;
    let later_than_the_last = "INSERT INTO messaging.receipt
        SELECT conversation_id, side, 2, 2, read_at + interval '1 s' FROM messaging.receipt WHERE OF_IT";
    check(later_than_the_last, &[WRONG_RECEIPT]).await;
}

#[tokio::test]
async fn an_altered_time_or_reader_is_found() {
    let (kept, counted) = (at(14), at(5));
    check(
        "UPDATE messaging.conversation SET activity_at = activity_at + interval '9 s' WHERE IT",
        &[Finding::Activity { kept, counted }],
    )
    .await;
    let clients = Finding::Position { side: Client, seq: 2 };
    check(
        "UPDATE messaging.message SET client_position = 1 WHERE OF_IT AND seq = 2",
        &[clients],
    )
    .await;
    let received = Finding::Received {
        side: Client,
        kept: 0,
        counted: 1,
    };
    check(
        "UPDATE messaging.message SET to_sides = 3 WHERE OF_IT AND seq = 2",
        &[clients, received],
    )
    .await;
}

#[tokio::test]
async fn a_lane_that_would_lose_an_event_is_found() {
    check(
        "DELETE FROM messaging.lane WHERE OF_IT",
        &[Finding::LaneMissing { unpublished: 7 }],
    )
    .await;
    let head = Finding::LaneHead { kept: 3, counted: 1 };
    check("UPDATE messaging.lane SET head = 3 WHERE OF_IT", &[head]).await;
    let tail = Finding::LaneTail { kept: 5, counted: 7 };
    check("UPDATE messaging.lane SET tail = 5 WHERE OF_IT", &[tail]).await;
    // A dead letter is no longer in the outbox.
    check("DELETE FROM messaging.outbox WHERE OF_IT AND number = 4", &[]).await;
    check(
        "UPDATE messaging.outbox SET number = 8 WHERE OF_IT AND number = 7",
        &[
            Finding::Events { kept: 7, at_least: 8 },
            Finding::LaneTail { kept: 7, counted: 8 },
        ],
    )
    .await;
}

#[tokio::test]
async fn conversations_that_share_no_statement_are_counted_alike() {
    let bench = conversation_with_events().await;
    // By its own counter, each conversation is too long to share a statement with another one.
    let long = "UPDATE messaging.conversation SET last_seq = 30000";
    bench.session().await.run(long).await;
    let found = verified(&bench.store()).await;
    let [first, second] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        first.finding,
        Finding::LastSeq {
            kept: 30_000,
            counted: 5
        }
    );
    assert_eq!(
        second.finding,
        Finding::LastSeq {
            kept: 30_000,
            counted: 0
        }
    );
}
