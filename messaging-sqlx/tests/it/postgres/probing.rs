//! Looking for lanes is cheap however long somebody keeps the database from forgetting those that are acknowledged.
//! What it costs is counted in the blocks that the server touches for it, and never in time.

use messaging_core::store::{
    Claim, ConversationStore as _, Lane, OutboxStore as _, Progress, Publisher, Scan,
};
use messaging_sqlx::{PgOptions, PgStore, postgres::ClockCheck};
use messaging_test_postgres::{Database, PgServer};
use messaging_testkit::make::{at, plan, secs, worker_id};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, postgres::PgPoolOptions};

/// A busy time: so many rounds, in each of which so many lanes become due, one a second.
const ROUNDS: i64 = 4;
const LANES: i64 = 5_000;
const NOW: i64 = ROUNDS * LANES + 60;

/// So often that the server has made up its mind how to execute it.
const PROBES: u64 = 10;

/// A store on the one connection of a host's pool, whose counts the host can ask for.
struct Scene {
    store: PgStore,
    pool: PgPool,
    database: Database,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::create(PgServer::shared()).await;
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect(database.url()).await.unwrap();
        let options = PgOptions::default().with_clock_check(ClockCheck::Off);
        let store = PgStore::on_pool(pool.clone(), &options);
        store.migrate().await.unwrap();
        store.open(&plan(1, 1), Publisher::Anyone).await.unwrap();
        Self {
            store,
            pool,
            database,
        }
    }

    /// Somebody who sees the database as it is now for as long as they like: a backup, a report.
    async fn old_snapshot(&self) -> PgConnection {
        let mut session = PgConnection::connect(self.database.url()).await.unwrap();
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM messaging.lane")
            .execute(&mut session)
            .await
            .unwrap();
        session
    }

    /// Inserts rows whose number in the series is `n`, from the one to the other.
    async fn insert(&self, rows: &str, from: i64, to: i64) {
        let sql = format!(
            "INSERT INTO messaging.{rows} FROM generate_series({from}, {to}) n,
            LATERAL (SELECT timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second') AS due (at)"
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Publishes whatever is due at that second.
    async fn publish(&self, second: i64) {
        loop {
            let lanes = self.claim(second, Scan::Full, 1_000).await;
            let done: Vec<_> = lanes.iter().map(to_the_end).collect();
            if done.is_empty() {
                return;
            }
            let acknowledged = self.store.acknowledge(worker_id(1), at(second + 10), &done).await;
            assert_eq!(acknowledged.unwrap(), []);
        }
    }

    async fn claim(&self, second: i64, scan: Scan, limit: usize) -> Vec<Lane> {
        let now = at(second);
        let claim = Claim::new(worker_id(1), now, now + secs(10), limit).with_scan(scan);
        self.store.claim_lanes(&claim).await.unwrap()
    }

    /// How many blocks of the tables of lanes, and of their indexes, a scan that finds nothing touches.
    async fn cost(&self, scan: Scan) -> u64 {
        // Two full scans precede the first from the watermark.
        for _ in 0..2 {
            assert_eq!(self.claim(NOW, Scan::Usual, 64).await, []);
        }
        let before = self.touched().await;
        for _ in 0..PROBES {
            assert_eq!(self.claim(NOW, scan, 64).await, []);
        }
        (self.touched().await - before) / PROBES
    }

    async fn touched(&self) -> u64 {
        // The connection keeps its counts to itself for a while, unless it is told.
        sqlx::raw_sql("SELECT pg_stat_force_next_flush()")
            .execute(&self.pool)
            .await
            .unwrap();
        let blocks: i64 = sqlx::query_scalar(
            "SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::bigint
            FROM pg_statio_user_tables WHERE schemaname = 'messaging' AND relname IN ('lane', 'unnumbered')",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        u64::try_from(blocks).unwrap()
    }

    /// What a scan costs that begins near the watermark, and a full one.
    async fn costs(&self) -> [u64; 2] {
        [self.cost(Scan::Usual).await, self.cost(Scan::Full).await]
    }
}

fn to_the_end(lane: &Lane) -> Progress {
    Progress::new(lane.conversation_id, lane.lease_until, u64::from(u32::MAX))
}

const LANE: &str = "lane (conversation_id, head, tail, until) SELECT gen_random_uuid(), 1, 1, at";
const LINK: &str = "unnumbered (conversation_id, at) SELECT (SELECT id FROM messaging.conversation), at";

/// Lets many of these become due and be published while somebody has an old snapshot.
async fn check(rows: &str) {
    let scene = Scene::new().await;
    scene.publish(0).await;
    let [at_rest, everything_at_rest] = scene.costs().await;

    let snapshot = scene.old_snapshot().await;
    for round in 0..ROUNDS {
        let (from, to) = (round * LANES + 1, (round + 1) * LANES);
        scene.insert(rows, from, to).await;
        scene.publish(to).await;
    }
    let [near, everything] = scene.costs().await;
    assert!(everything_at_rest <= 10, "{everything_at_rest} blocks at rest");
    assert!(near <= at_rest + 5, "{near} blocks, and {at_rest} at rest");
    // Else this shows nothing.
    assert!(
        everything > 20 * near,
        "{near} blocks, and {everything} for everything"
    );
    snapshot.close().await.unwrap();
}

#[tokio::test]
async fn claiming_lanes_is_cheap_beside_an_old_snapshot() {
    check(LANE).await;
}

#[tokio::test]
async fn searching_unnumbered_links_is_cheap_beside_an_old_snapshot() {
    check(LINK).await;
}
