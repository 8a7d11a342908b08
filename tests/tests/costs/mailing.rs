//! A large backlog of digests: 100,000 due conversations of 1,000 users. The test counts statements, and
//! prints the duration with `--nocapture`.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use messaging_core::{
    DigestPolicy, Messaging, Options, UserId,
    clock::{ManualClock, SequentialIds},
    host::{HostError, presence::Presence},
    store::{DigestClaim, DigestStore as _},
    transport::{
        TransportError,
        mailer::{Digest, Mailer},
    },
    worker::DigestOptions,
};
use messaging_sqlx::{
    PgOptions, PgStore,
    postgres::ClockCheck,
    sqlx::{self, AssertSqlSafe, Connection as _, Row as _, postgres::PgPoolOptions},
};
use messaging_test_postgres::{Database, PgServer, Wire};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{at, worker_id},
};
use serde_json::Value;

const USERS: u64 = 1_000;
const CONVERSATIONS: u64 = 100_000;
const AT_ONCE: u64 = 50;

/// Every conversation has one message by its client that its agent has not read, due since the end of 2025.
const MADE: &str = "
    CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql AS $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
    INSERT INTO messaging.conversation (id, client_id, agent_id, agent_user_id, last_seq, agent_received, agent_due_at,
        created_at, activity_at, events)
    SELECT pg_temp.id(n), 'client-' || n, 'agency-' || n % 1000 + 1, 'agent-' || n % 1000 + 1, 1, 1,
        '2025-12-31Z'::timestamptz + n * interval '1 millisecond', '2025-12-30Z', '2025-12-30Z', 2
    FROM generate_series(1, 100000) n;
    INSERT INTO messaging.message (conversation_id, seq, id, from_side, to_sides, sender_id, body, created_at,
        client_position, agent_position)
    SELECT pg_temp.id(n), 1, pg_temp.id(n), 1, 2, 'client-' || n, 'Is the hut open?', '2025-12-30Z', 0, 1
    FROM generate_series(1, 100000) n;
    VACUUM ANALYZE messaging.conversation, messaging.message";

#[derive(Clone, Default)]
struct Counting(Arc<(AtomicU64, AtomicU64)>);

#[async_trait]
impl Mailer for Counting {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        self.0.1.fetch_add(digest.messages, Ordering::Relaxed);
        Ok(())
    }
}

struct Nobody;

#[async_trait]
impl Presence for Nobody {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

fn options() -> PgOptions {
    PgOptions::default().with_clock_check(ClockCheck::Off)
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the duration is printed, and not asserted"
)]
async fn a_hundred_thousand_conversations_are_one_e_mail_a_user() {
    let database = Database::create(PgServer::shared()).await;
    PgStore::from_url(database.url(), &options())
        .unwrap()
        .migrate()
        .await
        .unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(database.url())
        .await
        .unwrap();
    for statement in MADE.split(";\n") {
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    }

    let wire = Wire::to_server(PgServer::shared());
    let store = PgStore::from_url(&wire.url(database.name()), &options()).unwrap();
    let mails = Counting::default();
    let users = usize::try_from(AT_ONCE).unwrap();
    let (_messaging, workers) = Messaging::builder(store, FakeDirectory::new())
        .digests(mails.clone(), DigestPolicy::default())
        .presence(Nobody)
        .clock(ManualClock::new())
        .ids(SequentialIds::default())
        .options(Options::default().with_digests(DigestOptions::default().with_users(users)))
        .build()
        .unwrap();
    let digests = workers.digests().unwrap();
    let (before, begun) = (wire.counts(), Instant::now());
    digests.step().await.unwrap();
    let (took, cost) = (begun.elapsed(), wire.counts().since(before));
    let sent = [&mails.0.0, &mails.0.1].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(sent, [USERS, CONVERSATIONS]);
    println!("{USERS} e-mails about {CONVERSATIONS} conversations: {cost:?} in {took:?}");
    // For each 50 users: claim and list. For each user: record, load, load again after the profiles, mark,
    // complete. One empty claim. Once, in two statements, the check of the schema.
    let statements = USERS / AT_ONCE * 2 + USERS * 5 + 1 + 2;
    assert!(
        cost.statements <= statements + 1,
        "{cost:?}, expected at most {statements}"
    );

    // From now on no user is due: a claim costs one statement, which reads one end of one index.
    let before = wire.counts();
    assert_eq!(digests.step().await.unwrap(), 0);
    assert_eq!(wire.counts().since(before).statements, 1);
    let pages = pages_after_vacuum(&pool).await;
    println!("an empty claim touches {pages} pages");
    assert!(pages <= 3, "{pages} pages");
}

/// How often the rows that died are vacuumed.
const VACUUMS: usize = 100;

/// Returns how many pages an idle claim touches once VACUUM has removed what died; after 100 times, whatever is left.
///
/// One VACUUM may have to keep rows: those that died after the oldest snapshot of the database, and of sessions that are
/// just connecting, whose snapshots are as old as the oldest transaction of any database. Other tests begin such sessions.
async fn pages_after_vacuum(pool: &sqlx::PgPool) -> u64 {
    let mut pages = u64::MAX;
    for _ in 0..VACUUMS {
        let vacuum = sqlx::raw_sql("VACUUM messaging.conversation");
        vacuum.execute(pool).await.unwrap();
        pages = pages_of_an_idle_claim(pool).await;
        if pages <= 3 {
            break;
        }
    }
    pages
}

/// Returns how many pages the claim of users touches if no user is due.
async fn pages_of_an_idle_claim(pool: &sqlx::PgPool) -> u64 {
    let store = PgStore::on_pool(pool.clone(), &options());
    let claim = DigestClaim::new(worker_id(1), at(0), at(300), 50);
    pool.acquire()
        .await
        .unwrap()
        .clear_cached_statements()
        .await
        .unwrap();
    assert_eq!(store.claim_digests(&claim).await.unwrap(), []);
    let names = sqlx::raw_sql("SELECT name FROM pg_prepared_statements")
        .fetch_all(pool)
        .await
        .unwrap();
    let name: &str = names.last().unwrap().get_unchecked(0);
    let execute = format!(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name}('{}', '{}', '{}', 50, 1000, NULL, '{}')",
        claim.by, claim.lease_until, claim.now, claim.now
    );
    let explained = sqlx::raw_sql(AssertSqlSafe(execute))
        .fetch_one(pool)
        .await
        .unwrap();
    let explained: Value = serde_json::from_str(explained.get_unchecked(0)).unwrap();
    let plan = &explained[0]["Plan"];
    let blocks = |kind: &str| plan[kind].as_u64().unwrap();
    assert!(!explained.to_string().contains("Seq Scan"), "{explained:#}");
    blocks("Shared Hit Blocks") + blocks("Shared Read Blocks")
}
