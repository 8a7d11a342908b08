//! The pages touched by counting activity depend on the span, not on the size of the database.

use std::fmt::Write as _;

use messaging_core::{
    domain::calendar::{BucketUnit, Buckets},
    id::AgentId,
    store::{ActivityScan, ActivityStore as _, AuditStore as _},
};
use messaging_testkit::make::{agency_id, at};

use crate::size::session::{Session, Touched};

const DAY: i64 = 24 * 3_600;

/// The sixth day has about as many messages at every scale. Returns a report.
pub(crate) async fn check(small: &Session, full: &Session) -> String {
    let mut report = String::new();
    for (size, session) in [("small", small), ("full", full)] {
        // The first step checks the schema as well.
        session.store().list_accesses(None, 1).await.unwrap();
        let (messages, of_all) = count_a_day(session, None).await;
        let (of_agent, of_one) = count_a_day(session, Some(agency_id(0))).await;
        assert!(messages > 1_000 && (100..messages / 2).contains(&of_agent));
        for (whose, touched) in [("all", of_all), ("an agent", of_one)] {
            let Touched { pages, .. } = touched;
            writeln!(
                report,
                "activity of {whose} in a day of {messages} messages, {size}: {pages} pages"
            )
            .unwrap();
            assert_eq!(touched.whole_tables, 0, "{whose} {size}");
            assert!(pages < PER_MESSAGE * messages, "{whose} {size}: {touched:?}");
        }
    }
    report
}

/// A message is found beside its neighbours; its conversation and receipts are found by an index.
const PER_MESSAGE: u64 = 8;

/// Counts in hourly buckets; returns the number of messages, and the touched pages.
async fn count_a_day(session: &Session, agent_id: Option<AgentId>) -> (u64, Touched) {
    let buckets = Buckets::in_utc(at(5 * DAY), at(6 * DAY), BucketUnit::Hour).unwrap();
    let scan = ActivityScan::new(buckets).with_agent_id(agent_id);
    let (hours, touched) = session.touched(session.store().count_activity(&scan)).await;
    (hours.iter().map(|hour| hour.messages).sum(), touched)
}
