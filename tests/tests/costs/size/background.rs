//! The reads of the relay and of operators.

use messaging_core::{
    id::ConversationId,
    store::{AuditStore as _, Claim, OutboxStore as _, Subject},
    time::Timestamp,
};
use messaging_testkit::make::{at, secs, worker_id};

use crate::size::{
    made::{DUE, ENTRIES},
    reads::Reader,
};

/// The limits of the relay.
const CLAIMED: usize = 64;
const PER_LANE: usize = 32;
/// The page size of an export.
const LOG: usize = 500;

/// After all data, and before any lane is due.
const QUIET: Timestamp = at(3 * YEAR);
/// After some lanes are due.
const DUE_TIME: Timestamp = at(10 * YEAR);
const YEAR: i64 = 365 * 24 * 3_600;

impl Reader<'_> {
    /// Claims lanes and loads their entries; returns one of the conversations.
    pub(crate) async fn lanes(&mut self) -> ConversationId {
        let store = self.store();
        // Two full scans precede the first scan from the watermark.
        let nothing = claim(QUIET);
        for _ in 0..2 {
            let claimed = self.session.without_links(store.claim_lanes(&nothing));
            assert_eq!(claimed.await.unwrap(), []);
        }
        for (name, rows, now) in [
            ("claim: nothing is due", 1, QUIET),
            ("claim: some lanes are due", DUE, DUE_TIME),
        ] {
            let asked = claim(now);
            let (by, until, since) = (asked.by, asked.lease_until, QUIET);
            let arguments = format!("'{by}', '{until}', '{now}', '{since}', {CLAIMED}, NULL, '{now}'");
            // A claim in the step itself would leave no lane for the explained statement.
            self.read(name, rows, arguments, store.claim_lanes(&nothing))
                .await;
        }

        let due = claim(DUE_TIME);
        let lanes = self.session.without_links(store.claim_lanes(&due));
        let lanes = lanes.await.unwrap();
        let ids = array(lanes.iter().map(|lane| lane.conversation_id.to_string()));
        let heads = array(lanes.iter().map(|lane| lane.head.to_string()));
        let arguments = format!("{ids}, {heads}, {PER_LANE}, {}", Subject::MAX_READ_IDS);
        let step = store.load_entries(&lanes, PER_LANE);
        self.read("entries of lanes", DUE * ENTRIES, arguments, step)
            .await;
        lanes[0].conversation_id
    }

    pub(crate) async fn logs(&mut self) {
        let store = self.store();
        let step = store.list_accesses(None, LOG);
        self.read("accesses", LOG, format!("NULL, {LOG}"), step).await;

        let skipped = self.scale.conversations();
        let before = store.list_accesses(None, skipped).await.unwrap();
        let last = before.last().unwrap().id;
        let step = store.list_accesses(Some(last), LOG);
        self.read("accesses, deep", LOG, format!("'{last}', {LOG}"), step)
            .await;

        let step = store.list_dead_letters(None, LOG);
        self.read("dead letters", LOG, LOG.to_string(), step).await;
        let all = store.list_dead_letters(None, usize::MAX).await.unwrap();
        let deep = all[all.len() - 1 - LOG].position();
        let (at, id, number) = (deep.at, deep.conversation_id, deep.number);
        let step = store.list_dead_letters(Some(&deep), LOG);
        let arguments = format!("'{at}', '{id}', {number}, {LOG}");
        self.read("dead letters, deep", LOG, arguments, step).await;
    }
}

fn claim(now: Timestamp) -> Claim {
    Claim::new(worker_id(0), now, now + secs(30), CLAIMED)
}

fn array(values: impl Iterator<Item = String>) -> String {
    format!("'{{{}}}'", values.collect::<Vec<_>>().join(","))
}
