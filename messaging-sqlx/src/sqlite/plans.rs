//! Tests of SQLite's query plans: no statement reads more than it needs.

use sqlx::{Connection, Row, SqliteConnection};

use super::{
    activity, append, audit, conversation_rows, dead_letters, digest_claim, digest_steps, digests, erasure,
    history, lanes, list, load, mark_read, migrate, moderation, open, outbox, recount,
};

async fn plan(sql: &'static str) -> Vec<String> {
    let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrate::migrate(&mut db).await.unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let rows = sqlx::query(sqlx::AssertSqlSafe(explain))
        .fetch_all(&mut db)
        .await
        .unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

/// Checks that every table is read through a key, in the order of the result.
async fn check_keyed(sql: &'static str) {
    for detail in plan(sql).await {
        let whole =
            detail.starts_with("SCAN") && !["SCAN CONSTANT ROW", "SCAN (subquery-1)"].contains(&&*detail);
        assert!(!whole && !detail.contains("TEMP B-TREE"), "{detail}: {sql}");
    }
}

async fn check_uses(sql: &'static str, expected: &str) {
    let plan = plan(sql).await;
    assert!(
        plan.iter().any(|detail| detail.contains(expected)),
        "{plan:#?}: {sql}"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one list of all texts")]
async fn no_statement_reads_a_whole_table() {
    for sql in [
        activity::OPENED,
        activity::READ,
        activity::SENT,
        append::INSERT,
        audit::LIST,
        audit::RECORD,
        conversation_rows::BOOKINGS,
        conversation_rows::FIND,
        conversation_rows::FIND_BY_BOOKING,
        conversation_rows::FIND_BY_PAIR,
        conversation_rows::OVERVIEW,
        conversation_rows::SAVE,
        digests::ADMIT_PUSH,
        digest_steps::BEGIN,
        digest_claim::DUE,
        digest_steps::ENTER,
        digests::EXCERPT[0],
        digests::EXCERPT[1],
        digests::COUNT_NOTIFIABLE[0],
        digests::COUNT_NOTIFIABLE[1],
        digest_claim::EXTENTS,
        digest_steps::FORGET,
        digest_steps::FORGET_SENT,
        digest_steps::FREE,
        digest_steps::POSTPONE[0],
        digest_steps::POSTPONE[1],
        digest_claim::LEASE,
        digest_steps::RELEASE,
        digest_steps::REMEMBER,
        digest_claim::SENT,
        digest_steps::FIND_LEASE,
        digests::UNMAILED[0],
        digests::UNMAILED[1],
        erasure::ERASE,
        erasure::ERASE_FROM_REPORT[0],
        erasure::ERASE_FROM_REPORT[1],
        erasure::REPORTS[0],
        erasure::REPORTS[1],
        erasure::REPORTS[2],
        erasure::DELETE_COMPLAINT,
        erasure::FORGET[0],
        erasure::FORGET[1],
        erasure::FORGET[2],
        erasure::TRACES,
        history::AFTER,
        history::BEFORE,
        history::BY_ID,
        history::SENT,
        lanes::CREATE,
        lanes::ENTER,
        lanes::NUMBER,
        lanes::OWNED,
        list::COUNT.agent,
        list::COUNT.client,
        list::FROM_CURSOR.agent,
        list::FROM_CURSOR.all,
        list::FROM_CURSOR.client,
        list::FROM_NEWEST.agent,
        list::FROM_NEWEST.client,
        list::FROM_OFFSET.agent,
        list::FROM_OFFSET.client,
        list::OF_AGENT,
        list::UNREAD.agent,
        list::UNREAD.all,
        list::UNREAD.client,
        load::ENTRIES,
        load::NEWLY_READ,
        load::RECEIPT,
        load::THREAD,
        mark_read::FIRST_COVERING,
        mark_read::INSERT,
        moderation::COPY,
        moderation::EVIDENCE,
        moderation::FIND,
        moderation::FIND_OPEN,
        moderation::HAS_ROOM,
        moderation::LIST,
        moderation::LIST_OF_STATUS,
        moderation::OPEN,
        moderation::COMPLAINTS,
        moderation::ADD_COMPLAINT,
        moderation::RESOLVE,
        open::FIND_PAIR,
        open::INSERT,
        open::LINK,
        open::RAISE_ACCESS_VERSION,
        open::UNLINK,
        outbox::DUE,
        outbox::END,
        outbox::FORGET,
        outbox::CONTINUE,
        outbox::DEFER,
        outbox::OWN,
        dead_letters::INSERT,
        dead_letters::LIST_AFTER,
        dead_letters::TAKE_DEAD_LETTER,
        dead_letters::TAKE_ENTRY,
        recount::IDS,
    ] {
        check_keyed(sql).await;
    }
}

#[tokio::test]
async fn a_list_uses_its_own_index_without_sorting() {
    check_uses(
        list::FROM_CURSOR.client,
        "conversation_by_client (client_id=? AND (activity_at,id)<(?,?))",
    )
    .await;
    check_uses(
        list::FROM_CURSOR.agent,
        "conversation_by_agent (agent_id=? AND agent_user_id=? AND (activity_at,id)<(?,?))",
    )
    .await;
    check_uses(
        list::FROM_CURSOR.all,
        "conversation_by_activity ((activity_at,id)<(?,?))",
    )
    .await;
    check_uses(list::OF_AGENT, "conversation_of_agent (agent_id=? AND id>?)").await;
    check_uses(outbox::DUE, "lane_due (until<?)").await;
    check_uses(digest_claim::DUE, "INDEX conversation_due (<expr><?)").await;
    for (sql, index) in digest_steps::POSTPONE.into_iter().zip(["client", "agent"]) {
        check_uses(sql, &format!("conversation_unread_{index}")).await;
    }
    check_uses(
        dead_letters::LIST_AFTER,
        "dead_letter_by_time ((dead_lettered_at,conversation_id,number)>(?,?,?))",
    )
    .await;
}

#[tokio::test]
async fn a_scan_from_the_newest_row_stops_after_a_page() {
    for sql in [list::FROM_NEWEST.all, list::FROM_OFFSET.all] {
        check_uses(sql, "SCAN c USING INDEX conversation_by_activity").await;
        assert!(
            !plan(sql)
                .await
                .iter()
                .any(|detail| detail.contains("TEMP B-TREE"))
        );
    }
    check_uses(dead_letters::LIST, "SCAN o USING INDEX dead_letter_by_time").await;
    assert!(
        !plan(dead_letters::LIST)
            .await
            .iter()
            .any(|detail| detail.contains("TEMP B-TREE"))
    );
}

#[tokio::test]
async fn totals_read_only_conversations_with_unread_messages() {
    check_uses(list::UNREAD.client, "COVERING INDEX conversation_unread_client").await;
    check_uses(list::UNREAD.agent, "COVERING INDEX conversation_unread_agent").await;
    check_uses(list::UNREAD.all, "COVERING INDEX conversation_unread_client").await;
    check_uses(list::UNREAD.all, "INDEX conversation_unread_agent").await;
}

#[tokio::test]
async fn a_summary_reads_one_message_of_a_conversation() {
    for sql in [
        conversation_rows::OVERVIEW,
        list::FROM_CURSOR.agent,
        list::FROM_CURSOR.all,
        list::FROM_CURSOR.client,
        list::FROM_NEWEST.agent,
        list::FROM_NEWEST.all,
        list::FROM_NEWEST.client,
        list::FROM_OFFSET.agent,
        list::FROM_OFFSET.all,
        list::FROM_OFFSET.client,
    ] {
        let plan = plan(sql).await;
        let of_messages: Vec<_> = plan
            .iter()
            .filter(|detail| detail.starts_with("SEARCH m "))
            .collect();
        let [one] = of_messages[..] else {
            panic!("{plan:#?}: {sql}")
        };
        assert!(one.contains("(conversation_id=? AND seq=?)"), "{one}: {sql}");
    }
}

#[tokio::test]
async fn first_replies_are_searched_only_among_active_conversations() {
    let plan = plan(activity::REPLIED).await;
    for expected in ["message_by_time (created_at>? AND created_at<?)", "SCAN s"] {
        assert!(plan.iter().any(|detail| detail.contains(expected)), "{plan:#?}");
    }
    assert_eq!(
        plan.iter().filter(|detail| detail.starts_with("SCAN")).count(),
        1,
        "{plan:#?}"
    );
}

#[tokio::test]
async fn a_recount_reads_one_conversation_without_sorting() {
    for detail in plan(recount::RECOUNT).await {
        // Parts of the statement, each of which keeps rows of the one conversation only.
        let of_part = [
            "(subquery",
            "counted",
            "noted",
            "messages",
            "receipts",
            "unpublished",
        ];
        let scanned = detail.strip_prefix("SCAN ");
        let whole = scanned.is_some_and(|name| !of_part.iter().any(|part| name.starts_with(part)));
        assert!(!whole && !detail.contains("TEMP B-TREE"), "{detail}");
    }
}
