//! Scans for lanes stay cheap while a long transaction keeps the server from vacuuming acknowledged ones. The
//! cost is measured in blocks that the server reads, not in time.

use messaging_core::store::{
    Claim, ConversationStore as _, Lane, OutboxStore as _, Progress, Publisher, Scan,
};
use messaging_testkit::make::{at, plan, secs, worker_id};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::postgres::SingleConnection;

/// A busy period: the number of rounds, and the lanes due in each, one per second.
const ROUNDS: i64 = 4;
const LANES: i64 = 5_000;
const NOW: i64 = ROUNDS * LANES + 60;

/// Enough repetitions for the server to choose its plan for a prepared statement.
const PROBES: u64 = 10;

struct Scene(SingleConnection);

impl Scene {
    async fn new() -> Self {
        let single = SingleConnection::new().await;
        let opened = single.store.open(&plan(1, 1), Publisher::Anyone).await;
        opened.unwrap();
        Self(single)
    }

    /// A transaction with an old snapshot, such as a backup or a report.
    async fn old_snapshot(&self) -> PgConnection {
        let mut session = PgConnection::connect(self.0.database.url()).await.unwrap();
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM messaging.lane")
            .execute(&mut session)
            .await
            .unwrap();
        session
    }

    /// Inserts rows for the numbers `from` to `to` of the series `n`.
    async fn insert(&self, rows: &str, from: i64, to: i64) {
        let sql = format!(
            "INSERT INTO messaging.{rows} FROM generate_series({from}, {to}) n,
            LATERAL (SELECT timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second') AS due (at)"
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.0.pool)
            .await
            .unwrap();
    }

    /// Publishes all lanes due at that second.
    async fn publish(&self, second: i64) {
        loop {
            let lanes = self.claim(second, Scan::Full, 1_000).await;
            let done: Vec<_> = lanes.iter().map(full_progress).collect();
            if done.is_empty() {
                return;
            }
            let acknowledged = self
                .0
                .store
                .acknowledge(worker_id(1), at(second + 10), &done)
                .await;
            assert_eq!(acknowledged.unwrap(), []);
        }
    }

    async fn claim(&self, second: i64, scan: Scan, limit: usize) -> Vec<Lane> {
        let now = at(second);
        let claim = Claim::new(worker_id(1), now, now + secs(10), limit).with_scan(scan);
        self.0.store.claim_lanes(&claim).await.unwrap()
    }

    /// Returns how many blocks of the lane tables and their indexes an empty scan reads.
    async fn cost(&self, scan: Scan) -> u64 {
        // Two full scans precede the first scan from the watermark.
        for _ in 0..2 {
            assert_eq!(self.claim(NOW, Scan::Usual, 64).await, []);
        }
        let before = self.blocks_read().await;
        for _ in 0..PROBES {
            assert_eq!(self.claim(NOW, scan, 64).await, []);
        }
        (self.blocks_read().await - before) / PROBES
    }

    async fn blocks_read(&self) -> u64 {
        // The connection reports its statistics with a delay unless told to flush them.
        sqlx::raw_sql("SELECT pg_stat_force_next_flush()")
            .execute(&self.0.pool)
            .await
            .unwrap();
        let blocks: i64 = sqlx::query_scalar(
            "SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::bigint
            FROM pg_statio_user_tables WHERE schemaname = 'messaging' AND relname IN ('lane', 'unnumbered')",
        )
        .fetch_one(&self.0.pool)
        .await
        .unwrap();
        u64::try_from(blocks).unwrap()
    }

    /// The costs of a scan from the watermark and of a full scan.
    async fn costs(&self) -> [u64; 2] {
        [self.cost(Scan::Usual).await, self.cost(Scan::Full).await]
    }
}

fn full_progress(lane: &Lane) -> Progress {
    Progress::new(lane.conversation_id, lane.lease_until, u64::from(u32::MAX))
}

const LANE: &str = "lane (conversation_id, head, tail, until) SELECT gen_random_uuid(), 1, 1, at";
const LINK: &str = "unnumbered (conversation_id, at) SELECT (SELECT id FROM messaging.conversation), at";

/// Makes many of these rows due and publishes them while another session holds an old snapshot.
async fn check(rows: &str) {
    let scene = Scene::new().await;
    scene.publish(0).await;
    let [usual_before, full_before] = scene.costs().await;

    let snapshot = scene.old_snapshot().await;
    for round in 0..ROUNDS {
        let (from, to) = (round * LANES + 1, (round + 1) * LANES);
        scene.insert(rows, from, to).await;
        scene.publish(to).await;
    }
    let [usual_scan, full_scan] = scene.costs().await;
    assert!(full_before <= 10, "{full_before} blocks before");
    assert!(
        usual_scan <= usual_before + 5,
        "{usual_scan} blocks, and {usual_before} before"
    );
    // Otherwise the test would prove nothing.
    assert!(
        full_scan > 20 * usual_scan,
        "{usual_scan} blocks, and {full_scan} for a full scan"
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
