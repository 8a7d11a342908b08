//! Openings within transactions of the host are published after the commit, in order, beside concurrent
//! steps.

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::{
    HostOpen, Messaging, Workers,
    clock::{ManualClock, SequentialIds},
    domain::opening::PreparedOpen,
    host::rate_limit::Unlimited,
    store::{
        Claim, ConversationStore as _, EntryKind, Lane, LoadedEntry, OutboxStore as _, Progress, Subject,
    },
};
use messaging_sqlx::PgStore;
use messaging_testkit::{
    fake::{FakeDirectory, RecordingRealtime},
    make::{agency_id, agent_user_id, at, booking, client_id, conversation_id, plan, secs, worker_id},
    recount,
};
use sqlx::{Connection as _, PgPool};

use crate::support::postgres::{Bench, is_stored, is_stored_in_the_end};

/// A host with a process that publishes.
struct Host {
    bench: Bench,
    store: PgStore,
    messaging: Messaging,
    workers: Workers,
    realtime: RecordingRealtime,
    clock: ManualClock,
}

impl Host {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let store = bench.store();
        let (realtime, clock) = (RecordingRealtime::new(), ManualClock::new());
        let (messaging, workers) = Messaging::builder(store.clone(), FakeDirectory::new())
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        let host = Self {
            bench,
            store,
            messaging,
            workers,
            realtime,
            clock,
        };
        host.published().await;
        host
    }

    /// A plan of that client with agency 1 and a booking.
    fn plan(&self, client: u64, name: &str) -> PreparedOpen {
        let open = HostOpen::new(&client_id(client), &agency_id(1), &agent_user_id(1));
        self.messaging
            .operations()
            .prepare_open(open.with_booking(&booking(name)))
            .unwrap()
    }

    /// Publishes, and returns the name and data of each event.
    async fn published(&self) -> Vec<(&'static str, String)> {
        self.messaging.operations().wake();
        self.workers.relay().step().await.unwrap();
        let events = self.realtime.take();
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }
}

#[tokio::test]
async fn an_opening_or_a_link_is_published_after_the_commit() {
    let host = Host::new().await;
    let mut session = host.bench.session().await;
    for (client, name) in [(2, "first"), (2, "second"), (1, "third")] {
        let mut tx = session.connection.begin().await.unwrap();
        host.store
            .open_in_transaction(&mut tx, &host.plan(client, name))
            .await
            .unwrap();
        assert_eq!(host.published().await, [], "{name}: published before the commit");
        // A long transaction changes nothing.
        host.clock.advance(Duration::from_mins(1));
        assert_eq!(host.published().await, [], "{name}: published before the commit");
        tx.commit().await.unwrap();
        let published = host.published().await;
        assert!(!published.is_empty(), "{name}");
        for (event, data) in published {
            assert_eq!(event, "conversation-updated");
            assert!(data.contains(name), "{data}");
        }
        assert_eq!(host.published().await, [], "{name}: once");
    }
}

#[tokio::test]
async fn a_link_to_a_locked_conversation_does_not_block_others() {
    let host = Host::new().await;
    let mut session = host.bench.session().await;
    let open = async |connection: &mut sqlx::PgConnection, name: &str| {
        let mut tx = connection.begin().await.unwrap();
        for client in [1, 2] {
            let plan = host.plan(client, &format!("{name}-{client}"));
            host.store.open_in_transaction(&mut tx, &plan).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    let links = |published: Vec<(_, String)>| {
        let mut links: Vec<_> = ["second-1", "second-2"].into();
        links.retain(|link| published.iter().any(|(_, data)| data.contains(link)));
        links
    };
    open(&mut session.connection, "first").await;
    host.published().await;
    let mut locked = host.bench.session().await;
    let lock = format!(
        "BEGIN; SELECT FROM messaging.conversation WHERE client_id = '{}' FOR UPDATE",
        client_id(1)
    );
    locked.run(&lock).await;
    open(&mut session.connection, "second").await;
    assert_eq!(links(host.published().await), ["second-2"]);
    locked.release().await;
    assert_eq!(links(host.published().await), ["second-1"]);
}

#[tokio::test]
async fn a_rolled_back_opening_is_not_published() {
    let host = Host::new().await;
    let mut session = host.bench.session().await;
    let mut tx = session.connection.begin().await.unwrap();
    for client in [1, 2] {
        host.store
            .open_in_transaction(&mut tx, &host.plan(client, "b"))
            .await
            .unwrap();
    }
    tx.rollback().await.unwrap();
    assert_eq!(host.published().await, []);
    assert_eq!(
        host.messaging.operations().health().await.unwrap().backlog.lanes,
        0
    );
}

/// Claims all due lanes as a new worker, and loads their entries.
async fn claimed(store: &PgStore) -> (Vec<Lane>, Vec<LoadedEntry>) {
    let claim = Claim::new(worker_id(99), at(1_000), at(1_030), 1_000);
    let lanes = store.claim_lanes(&claim).await.unwrap();
    let entries = store.load_entries(&lanes, 1_000).await.unwrap();
    (lanes, entries)
}

#[tokio::test]
async fn a_link_is_numbered_after_messages_sent_before_its_commit() {
    let bench = Bench::new().await;
    let store = bench.store();
    let mut host = bench.session().await;
    let mut tx = host.connection.begin().await.unwrap();
    for name in ["a", "b"] {
        let plan = plan(1, 1).with_booking_id(Some(booking(name)));
        store.open_in_transaction(&mut tx, &plan).await.unwrap();
    }
    for n in 1..=2 {
        assert!(is_stored(&store, n).await);
    }
    tx.commit().await.unwrap();
    assert_eq!(store.backlog().await.unwrap().lanes, 1);

    let (_, entries) = claimed(&store).await;
    let published: Vec<_> = entries
        .iter()
        .map(|one| (one.entry.number, one.entry.kind))
        .collect();
    let message = |seq| EntryKind::Message { seq };
    assert_eq!(
        published,
        [
            (1, EntryKind::Updated),
            (2, message(1)),
            (3, message(2)),
            (4, EntryKind::Updated),
            (5, EntryKind::Updated)
        ]
    );
    let booking_id = Some(booking("b"));
    assert_eq!(entries[4].subject, Subject::Updated { booking_id });
}

/// A decision made without the link is valid until a worker numbers the link.
#[tokio::test]
async fn a_hosts_link_raises_the_access_version_when_numbered() {
    let host = Host::new().await;
    let mut session = host.bench.session().await;
    let id = host
        .messaging
        .operations()
        .open_prepared(&host.plan(1, "a"))
        .await
        .unwrap()
        .id;
    let access_version = async || {
        host.store
            .find_conversation(id.into())
            .await
            .unwrap()
            .unwrap()
            .access_version
    };
    host.published().await;
    let before = access_version().await;
    let mut tx = session.connection.begin().await.unwrap();
    for name in ["b", "c", "b"] {
        host.store
            .open_in_transaction(&mut tx, &host.plan(1, name))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    host.published().await;
    assert_eq!(access_version().await, before + 2);
    host.published().await;
    assert_eq!(access_version().await, before + 2, "once");
}

/// A worker skips links that another one is numbering, and each link is numbered once.
#[tokio::test]
async fn concurrent_workers_number_each_link_once() {
    let bench = Bench::new().await;
    let stores: Vec<_> = (0..6).map(|_| bench.store()).collect();
    claimed(&stores[0]).await;
    let mut host = bench.session().await;
    for n in 0..30 {
        let plan = plan(1, 1).with_booking_id(Some(booking(format!("b{n}"))));
        stores[0]
            .open_in_transaction(&mut host.connection, &plan)
            .await
            .unwrap();
    }
    let claims = (1..=6).zip(&stores).map(async |(worker, store)| {
        let claim = Claim::new(worker_id(worker), at(5), at(6), 10);
        store.claim_lanes(&claim).await.unwrap()
    });
    let given = join_all(claims).await.concat();
    // The lane already existed, and its owner sees the added entries.
    assert_eq!(given, []);
    let done = Progress::new(conversation_id(1_001), at(1_030), 1);
    let lanes = stores[0]
        .acknowledge(worker_id(99), at(1_060), &[done])
        .await
        .unwrap();
    let entries = stores[0].load_entries(&lanes, 1_000).await.unwrap();
    let numbers: Vec<_> = entries.iter().map(|one| one.entry.number).collect();
    assert_eq!(numbers, (2..=31).collect::<Vec<_>>());
    recount(&stores[0]).await.unwrap().assert_clean();
}

const HOSTS: u32 = 200;
const CLIENTS: u32 = 8;

/// One of many bookings, a third of which the host rolls back, with a message beside it.
async fn book(store: &PgStore, pool: &PgPool, n: u32) -> Option<PreparedOpen> {
    let client = u64::from(n % CLIENTS) + 1;
    let plan = plan(client, 1)
        .with_id(conversation_id(10_000 + u64::from(n)))
        .with_booking_id(Some(booking(format!("b{n}"))));
    let mut tx = pool.begin().await.unwrap();
    store.open_in_transaction(&mut tx, &plan).await.unwrap();
    if n.is_multiple_of(3) {
        tx.rollback().await.unwrap();
        return None;
    }
    tx.commit().await.unwrap();
    Some(plan)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_of_bookings_sends_and_workers_causes_no_discrepancy() {
    let bench = Bench::new().await;
    let (store, pool) = (bench.store(), bench.pool(20));
    let booking = (0..HOSTS).map(async |n| {
        let now = at(n.into());
        let claim = Claim::new(worker_id(u64::from(n % 5)), now, now + secs(1), 3);
        let (booked, is_sent, claimed) = tokio::join!(
            book(&store, &pool, n),
            is_stored_in_the_end(&store, n),
            store.claim_lanes(&claim)
        );
        assert!(is_sent && claimed.is_ok());
        booked
    });
    let booked: Vec<_> = join_all(booking).await.into_iter().flatten().collect();

    let (_, entries) = claimed(&store).await;
    let updates = entries.iter().filter(|one| one.entry.kind == EntryKind::Updated);
    // One per committed booking, and the opening of the bench's conversation.
    assert_eq!(updates.count(), booked.len() + 1);
    let recounted = recount(&store).await.unwrap();
    recounted.assert_clean();
    assert_eq!(recounted.conversations(), CLIENTS as usize);
    assert_eq!(recounted.messages(), HOSTS as usize);
    assert_eq!(store.backlog().await.unwrap().lanes, u64::from(CLIENTS));
}
