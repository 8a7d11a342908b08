use futures_util::TryStreamExt;
use messaging_core::{
    domain::{
        side::Side::{Agent, Client},
        unread::ReadMark,
    },
    store::StoreErrorKind,
    verify::{ConversationRange, Discrepancy, Finding, verify},
};
use messaging_sqlx::SqliteStore;

use crate::support::sqlite::{Place, at, conversation, run_all_steps};

const FIRST: &str = "WHERE conversation_id = (SELECT id FROM conversation WHERE client_id = 'client-1')";

async fn verified(store: &SqliteStore, range: ConversationRange) -> Vec<Discrepancy> {
    verify(store, range).try_collect().await.unwrap()
}

async fn apply_corruption(place: &Place, damage: &str) {
    let mut connection = place.connect().await;
    for sql in ["PRAGMA ignore_check_constraints = ON", damage] {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        let done = done.unwrap();
        assert!(done.rows_affected() > 0 || sql != damage, "{damage}");
    }
}

/// Checks the findings in the first of two conversations after a corruption of it, and that the other has
/// none. The first has five messages of its client, of which the agent has read three, and seven events, the
/// first of which is a dead letter.
async fn check(damage: &str, expected: &[Finding]) {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    assert_eq!(verified(&store, ConversationRange::all()).await, []);
    apply_corruption(&place, &damage.replace("FIRST", FIRST)).await;
    let found = verified(&store, ConversationRange::all()).await;
    assert!(
        found.iter().all(|one| one.conversation_id == conversation(1)),
        "{damage}: {found:?}"
    );
    let findings: Vec<_> = found.iter().map(|one| one.finding).collect();
    assert_eq!(findings, expected, "{damage}");
    store.close().await;
}

fn up_to(up_to_seq: u64, second: u64) -> ReadMark {
    let at = at(second);
    ReadMark::new(up_to_seq, at)
}

#[tokio::test]
async fn a_lost_message_is_found() {
    check(
        "DELETE FROM message FIRST AND seq = 2",
        &[
            Finding::Messages {
                last_seq: 5,
                counted: 4,
            },
            Finding::Position { side: Agent, seq: 3 },
            Finding::Received {
                side: Agent,
                kept: 5,
                counted: 4,
            },
            Finding::Read {
                side: Agent,
                kept: 3,
                counted: 2,
            },
            Finding::Receipt {
                side: Agent,
                up_to_seq: 3,
            },
        ],
    )
    .await;
    check(
        "DELETE FROM message FIRST AND seq = 5",
        &[
            Finding::LastSeq { kept: 5, counted: 4 },
            Finding::Received {
                side: Agent,
                kept: 5,
                counted: 4,
            },
        ],
    )
    .await;
    check(
        "DELETE FROM message FIRST",
        &[
            Finding::LastSeq { kept: 5, counted: 0 },
            Finding::Activity {
                kept: at(1),
                counted: at(0),
            },
            Finding::Received {
                side: Agent,
                kept: 5,
                counted: 0,
            },
            Finding::Read {
                side: Agent,
                kept: 3,
                counted: 0,
            },
            Finding::Receipt {
                side: Agent,
                up_to_seq: 3,
            },
        ],
    )
    .await;
}

#[tokio::test]
async fn a_wrong_counter_is_found() {
    let set = async |column: &str, finding| {
        check(
            &format!("UPDATE conversation SET {column} WHERE client_id = 'client-1'"),
            &[finding],
        )
        .await;
    };
    set("last_seq = 6", Finding::LastSeq { kept: 6, counted: 5 }).await;
    set(
        "client_received = 1",
        Finding::Received {
            side: Client,
            kept: 1,
            counted: 0,
        },
    )
    .await;
    set(
        "agent_received = 4",
        Finding::Received {
            side: Agent,
            kept: 4,
            counted: 5,
        },
    )
    .await;
    set(
        "agent_read = 2",
        Finding::Read {
            side: Agent,
            kept: 2,
            counted: 3,
        },
    )
    .await;
    set(
        "agent_read = 9",
        Finding::Read {
            side: Agent,
            kept: 9,
            counted: 3,
        },
    )
    .await;
    set("events = 6", Finding::Events { kept: 6, at_least: 7 }).await;
    let (side, counted) = (Agent, Some(up_to(3, 2)));
    set(
        "agent_read_seq = 2",
        Finding::LastRead {
            side,
            kept: Some(up_to(2, 2)),
            counted,
        },
    )
    .await;
    set(
        "agent_read_at = NULL",
        Finding::LastRead {
            side,
            kept: None,
            counted,
        },
    )
    .await;
}

#[tokio::test]
async fn an_altered_time_is_found() {
    let later = at(9).as_millis();
    check(
        &format!("UPDATE conversation SET activity_at = {later} WHERE client_id = 'client-1'"),
        &[Finding::Activity {
            kept: at(9),
            counted: at(1),
        }],
    )
    .await;
    check(
        &format!("UPDATE message SET created_at = {later} FIRST AND seq = 5"),
        &[Finding::Activity {
            kept: at(1),
            counted: at(9),
        }],
    )
    .await;
    check(
        &format!("UPDATE message SET created_at = {later} FIRST AND seq = 2"),
        &[Finding::Time { seq: 3 }],
    )
    .await;
    check(
        "UPDATE message SET created_at = 0 FIRST AND seq = 1",
        &[Finding::Time { seq: 1 }],
    )
    .await;
}

#[tokio::test]
async fn a_wrong_position_is_found() {
    check(
        "UPDATE message SET agent_position = 9 FIRST AND seq IN (4, 5)",
        &[Finding::Position { side: Agent, seq: 4 }],
    )
    .await;
    check(
        "UPDATE message SET client_position = 1 FIRST AND seq = 2",
        &[Finding::Position { side: Client, seq: 2 }],
    )
    .await;
    check(
        "UPDATE message SET to_sides = 3 FIRST AND seq = 5",
        &[
            Finding::Position { side: Client, seq: 5 },
            Finding::Received {
                side: Client,
                kept: 0,
                counted: 1,
            },
        ],
    )
    .await;
}

#[tokio::test]
async fn a_receipt_without_a_message_is_found() {
    let (side, kept) = (Agent, Some(up_to(3, 2)));
    check(
        "DELETE FROM receipt FIRST",
        &[
            Finding::Read {
                side,
                kept: 3,
                counted: 0,
            },
            Finding::LastRead {
                side,
                kept,
                counted: None,
            },
        ],
    )
    .await;
    check(
        "UPDATE receipt SET position = 2 FIRST",
        &[Finding::Receipt { side, up_to_seq: 3 }],
    )
    .await;
    check(
        "UPDATE receipt SET up_to_seq = 9 FIRST",
        &[
            Finding::Read {
                side,
                kept: 3,
                counted: 5,
            },
            Finding::LastRead {
                side,
                kept,
                counted: Some(up_to(9, 2)),
            },
            Finding::Receipt { side, up_to_seq: 9 },
        ],
    )
    .await;
    check(
        &format!("UPDATE receipt SET read_at = {} FIRST", at(0).as_millis()),
        &[
            Finding::LastRead {
                side,
                kept,
                counted: Some(up_to(3, 0)),
            },
            Finding::Receipt { side, up_to_seq: 3 },
        ],
    )
    .await;
    let earlier = "INSERT INTO receipt SELECT conversation_id, side, 2, 2, read_at + 1 FROM receipt FIRST";
    check(earlier, &[Finding::Receipt { side, up_to_seq: 3 }]).await;
}

#[tokio::test]
async fn an_event_outside_of_its_lane_is_found() {
    check(
        "DELETE FROM lane FIRST",
        &[Finding::LaneMissing { unpublished: 6 }],
    )
    .await;
    check(
        "UPDATE lane SET head = 3 FIRST",
        &[Finding::LaneHead { kept: 3, counted: 2 }],
    )
    .await;
    check("UPDATE lane SET head = 2 FIRST", &[]).await;
    check(
        "UPDATE outbox SET number = 8 FIRST AND number = 7",
        &[Finding::Events { kept: 7, at_least: 8 }],
    )
    .await;
    // The state after the entry has become a dead letter.
    check("DELETE FROM outbox FIRST AND number = 4", &[]).await;
}

#[tokio::test]
async fn the_conversations_of_a_range_are_in_id_order() {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    apply_corruption(
        &place,
        "UPDATE conversation SET last_seq = last_seq + 1, events = 0",
    )
    .await;
    let all = ConversationRange::all();
    let (first, second) = (conversation(1), conversation(2));
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
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    apply_corruption(&place, "UPDATE conversation SET agent_received = -1").await;
    let walked: Result<Vec<_>, _> = verify(&store, ConversationRange::all()).try_collect().await;
    assert_eq!(walked.unwrap_err().kind(), StoreErrorKind::Corrupt);
}
