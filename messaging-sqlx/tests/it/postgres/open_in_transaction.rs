//! Opening a conversation within a transaction of the host: it exists once the host commits, and no send
//! waits for that.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use messaging_core::{
    domain::{change::Change, opening::PreparedOpen, side::Side},
    store::{
        ChangeState, Changed, Claim, ConversationStore as _, EntryKind, MarkRead, Marked, OutboxStore as _,
        Publisher, StoreErrorKind, Subject,
    },
};
use messaging_sqlx::PgStore;
use messaging_testkit::{
    make::{agent_user_id, at, booking, client_id, conversation_id, message_id, plan, secs, worker_id},
    recount,
};
use sqlx::{Connection as _, PgConnection};

use crate::support::postgres::{Bench, is_stored, is_stored_in_the_end};

/// A plan of client `client` with agency 1, with a booking to link.
fn with_booking(client: u64, name: &str) -> PreparedOpen {
    plan(client, 1).with_booking_id(Some(booking(name)))
}

async fn connect(bench: &Bench) -> PgConnection {
    PgConnection::connect(&bench.url()).await.unwrap()
}

/// Returns the number of rows of each table in the schema.
async fn rows(bench: &Bench) -> BTreeMap<String, i64> {
    let mut connection = connect(bench).await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
            .bind(bench.name())
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let mut rows = BTreeMap::new();
    for table in tables {
        let count = format!("SELECT COUNT(*) FROM {}.{table}", bench.name());
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count));
        rows.insert(table, count.fetch_one(&mut connection).await.unwrap());
    }
    rows
}

/// Claims the unpublished entries of the bench's conversation: the numbers of updates and messages, in order.
async fn claimed(store: &PgStore) -> Vec<(u64, &'static str)> {
    let far = at(1_000_000);
    let lanes = store
        .claim_lanes(&Claim::new(worker_id(1), far, far + secs(30), 100))
        .await
        .unwrap();
    let entries = store.load_entries(&lanes, 1_000).await.unwrap();
    let events = entries.iter().map(|loaded| match loaded.entry.kind {
        EntryKind::Message { .. } => (loaded.entry.number, "message"),
        _ => (loaded.entry.number, "updated"),
    });
    events.collect()
}

#[tokio::test]
async fn an_opening_committed_by_the_host_is_stored_and_published() {
    let bench = Bench::new().await;
    let store = bench.store();
    let mut connection = connect(&bench).await;
    let mut tx = connection.begin().await.unwrap();
    let opened = store
        .open_in_transaction(&mut tx, &with_booking(2, "b"))
        .await
        .unwrap();
    assert!(opened.created && opened.entry.unwrap().lane.is_none());
    assert_eq!(opened.id, plan(2, 1).id);
    assert_eq!(
        store.find_conversation(opened.id.into()).await.unwrap(),
        None,
        "the host has not committed"
    );
    tx.commit().await.unwrap();

    assert_eq!(store.list_bookings(opened.id).await.unwrap(), [booking("b")]);
    let lanes = store
        .claim_lanes(&Claim::new(worker_id(1), at(1), at(31), 100))
        .await
        .unwrap();
    let events = store.load_entries(&lanes, 100).await.unwrap();
    let events: Vec<_> = events
        .into_iter()
        .filter(|one| one.conversation.id == opened.id)
        .collect();
    let [only] = &events[..] else { panic!("{events:?}") };
    assert_eq!((only.entry.number, only.entry.kind), (1, EntryKind::Updated));
    let booking_id = Some(booking("b"));
    assert_eq!(only.subject, Subject::Updated { booking_id });
}

#[tokio::test]
async fn an_opening_rolled_back_by_the_host_leaves_nothing() {
    let bench = Bench::new().await;
    let store = bench.store();
    let before = rows(&bench).await;
    let mut connection = connect(&bench).await;
    let mut tx = connection.begin().await.unwrap();
    for plan in [with_booking(1, "a"), with_booking(2, "b"), with_booking(2, "c")] {
        store.open_in_transaction(&mut tx, &plan).await.unwrap();
    }
    tx.rollback().await.unwrap();
    assert_eq!(rows(&bench).await, before);
    assert!(store.open(&plan(2, 1), Publisher::Anyone).await.unwrap().created);
}

#[tokio::test]
async fn sends_do_not_wait_for_the_hosts_transaction() {
    let bench = Bench::new().await;
    let id = conversation_id(1_001);
    let mut connection = connect(&bench).await;
    let mut tx = connection.begin().await.unwrap();
    let host = bench
        .store()
        .open_in_transaction(&mut tx, &with_booking(1, "b"))
        .await;
    assert!(!host.unwrap().created);

    // A step that had to wait for a lock would fail at once.
    let impatient = PgStore::from_url(&bench.url_with("lock_timeout=1"), &bench.options()).unwrap();
    assert!(is_stored(&impatient, 1).await);
    let read = MarkRead::new(id, 0, Side::Agent, message_id(1), at(9), Publisher::Anyone);
    assert!(matches!(
        impatient.mark_read(&read).await.unwrap(),
        Marked::Moved(_)
    ));
    let conversation = impatient.find_conversation(id.into()).await.unwrap().unwrap();
    let change = Change::Block(Side::Client);
    let mut block = ChangeState::new(&conversation, change, at(9), Publisher::Anyone);
    block.access_version = 0;
    assert!(matches!(
        impatient.change_state(&block).await.unwrap(),
        Changed::Done(_)
    ));
    impatient
        .open(&with_booking(1, "another"), Publisher::Anyone)
        .await
        .unwrap();
    let mut other = connect(&bench).await;
    let mut another = other.begin().await.unwrap();
    impatient
        .open_in_transaction(&mut another, &with_booking(1, "third"))
        .await
        .unwrap();
    another.commit().await.unwrap();
    tx.commit().await.unwrap();

    // The opening, a message, a reading, a block and a link were numbered before the two links of hosts.
    let events = claimed(&bench.store()).await;
    assert_eq!(
        events.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        (1..=7).collect::<Vec<_>>()
    );
    assert_eq!(events[1], (2, "message"));
    let bookings = bench.store().list_bookings(id).await.unwrap();
    assert_eq!(bookings, ["third", "another", "b"].map(booking));
    recount(&bench.store()).await.unwrap().assert_clean();
}

#[tokio::test]
async fn linking_a_linked_booking_writes_nothing() {
    let bench = Bench::new().await;
    let store = bench.store();
    store
        .open(&with_booking(1, "b"), Publisher::Anyone)
        .await
        .unwrap();
    let before = rows(&bench).await;
    let mut connection = connect(&bench).await;
    let mut tx = connection.begin().await.unwrap();
    for plan in [with_booking(1, "b"), plan(1, 1)] {
        let opened = store.open_in_transaction(&mut tx, &plan).await.unwrap();
        assert_eq!((opened.id, opened.created), (conversation_id(1_001), false));
    }
    tx.commit().await.unwrap();
    assert_eq!(rows(&bench).await, before);
}

/// A second host opens the pair that a first one is opening; `end` is the statement that ends the first
/// transaction. Returns whether the second one creates the conversation.
async fn second_of_two(end: &'static str) -> bool {
    let bench = Bench::new().await;
    let store = bench.store();
    let [mut first, mut second] = [connect(&bench).await, connect(&bench).await];
    sqlx::raw_sql("BEGIN").execute(&mut first).await.unwrap();
    store
        .open_in_transaction(&mut first, &with_booking(2, "a"))
        .await
        .unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut second).await.unwrap();
    let own = with_booking(2, "b").with_id(conversation_id(77));
    let (opened, ()) = tokio::join!(store.open_in_transaction(&mut second, &own), async {
        bench.until_waiting(1).await;
        sqlx::raw_sql(end).execute(&mut first).await.unwrap();
    });
    let opened = opened.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut second).await.unwrap();
    let expected = if opened.created { own.id } else { plan(2, 1).id };
    assert_eq!(opened.id, expected);
    let bookings = store.list_bookings(opened.id).await.unwrap();
    let links = if opened.created { vec!["b"] } else { vec!["b", "a"] };
    assert_eq!(bookings, links.into_iter().map(booking).collect::<Vec<_>>());
    opened.created
}

#[tokio::test]
async fn the_second_of_two_concurrent_openings_gets_the_first_conversation() {
    assert!(!second_of_two("COMMIT").await);
    assert!(second_of_two("ROLLBACK").await);
}

#[tokio::test]
async fn a_losing_serializable_transaction_is_retryable() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let bench = Bench::new().await;
        let store = bench.store();
        let mut connection = connect(&bench).await;
        let begin = format!(
            "BEGIN ISOLATION LEVEL {level}; SELECT COUNT(*) FROM {}.lane",
            bench.name()
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(begin))
            .execute(&mut connection)
            .await
            .unwrap();
        store.open(&plan(2, 1), Publisher::Anyone).await.unwrap();
        let mine = with_booking(2, "b").with_id(conversation_id(77));
        let lost = store
            .open_in_transaction(&mut connection, &mine)
            .await
            .unwrap_err();
        assert_eq!(lost.kind(), StoreErrorKind::Retry, "{level}");

        let again = format!("ROLLBACK; BEGIN ISOLATION LEVEL {level}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(again))
            .execute(&mut connection)
            .await
            .unwrap();
        let opened = store.open_in_transaction(&mut connection, &mine).await.unwrap();
        assert_eq!((opened.id, opened.created), (plan(2, 1).id, false));
        sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
        assert_eq!(store.list_bookings(opened.id).await.unwrap(), [booking("b")]);
    }
}

#[tokio::test]
async fn a_single_connection_of_the_host_suffices() {
    let bench = Bench::new().await;
    let pool = bench.pool(1);
    // A store that has not checked its database yet.
    let store = PgStore::on_pool(pool.clone(), &bench.options().with_acquire_timeout(secs(0)));
    let mut tx = pool.begin().await.unwrap();
    assert!(
        store
            .open_in_transaction(&mut tx, &with_booking(2, "b"))
            .await
            .unwrap()
            .created
    );
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn each_link_is_numbered_once_by_concurrent_workers_and_senders() {
    let bench = Bench::new().await;
    let store = bench.store();
    let hosts = (0..40_u32).map(|n| {
        let (store, bench) = (&store, &bench);
        async move {
            let mut connection = connect(bench).await;
            let mut tx = connection.begin().await.unwrap();
            store
                .open_in_transaction(&mut tx, &with_booking(1, &format!("b{n}")))
                .await
                .unwrap();
            assert!(is_stored_in_the_end(store, n).await);
            if n % 4 == 0 {
                tx.rollback().await.unwrap();
            } else {
                tx.commit().await.unwrap();
            }
            let claim = Claim::new(worker_id(u64::from(n)), at(5), at(6), 5);
            store.claim_lanes(&claim).await.unwrap();
        }
    });
    join_all(hosts).await;
    let events = claimed(&store).await;
    let numbers: Vec<_> = events.iter().map(|(number, _)| *number).collect();
    // The opening, 40 messages, 30 links.
    assert_eq!(numbers, (1..=71).collect::<Vec<_>>());
    let updates = events.iter().filter(|(_, what)| *what == "updated").count();
    assert_eq!(updates, 31);
    let bookings = store.list_bookings(conversation_id(1_001)).await.unwrap();
    assert_eq!(bookings.len(), 30);
    recount(&store).await.unwrap().assert_clean();
}

#[tokio::test]
async fn all_links_of_a_conversation_are_numbered_together() {
    let bench = Bench::new().await;
    let store = bench.store();
    let mut connection = connect(&bench).await;
    let mut tx = connection.begin().await.unwrap();
    for n in 0..600 {
        store
            .open_in_transaction(&mut tx, &with_booking(1, &format!("b{n}")))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    store
        .claim_lanes(&Claim::new(worker_id(1), at(1), at(31), 2))
        .await
        .unwrap();
    assert_eq!(rows(&bench).await["unnumbered"], 0);
    assert_eq!(claimed(&store).await.len(), 601);
}

#[tokio::test]
async fn an_existing_conversation_keeps_its_agent_user() {
    let bench = Bench::new().await;
    let mut connection = connect(&bench).await;
    let other = with_booking(1, "b").with_agent_user_id(client_id(9));
    let opened = bench
        .store()
        .open_in_transaction(&mut connection, &other)
        .await
        .unwrap();
    let found = bench
        .store()
        .find_conversation(opened.id.into())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.agent_user_id, agent_user_id(1));
}
