use std::{collections::BTreeSet, time::Duration};

use messaging_core::{
    id::WorkerId,
    store::{Claim, DeadLetter, Lane, LaneDeferral, Requeue, Requeued},
    time::Timestamp,
};
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseResult};

use super::{
    super::step::{Lease, PublisherChoice, Step},
    Pair, same,
};
use crate::make::{secs, worker_id};

/// Longer than any lease in a sequence, in seconds.
const FOREVER: u64 = 1_000_000;

impl Pair<'_> {
    pub(super) async fn publish(&mut self, step: &Step) -> TestCaseResult {
        match *step {
            Step::Claim { worker, most, lease } => self.claim(worker_id(worker), most, lease).await,
            Step::Load { of, skip, per_lane } => match self.choose(of) {
                Some(nth) => {
                    let head = self.threads[nth].outbox.head() + skip;
                    self.compare_entries(nth, head, per_lane).await
                }
                None => Ok(()),
            },
            Step::Acknowledge {
                worker,
                under,
                of,
                count,
                lease,
            } => match self.choose(of) {
                Some(nth) => {
                    let until = self.latest + secs(lease);
                    let under = self.threads[nth].outbox.lease(under);
                    self.acknowledge(worker_id(worker), nth, count, under, until)
                        .await
                }
                None => Ok(()),
            },
            Step::Delay {
                worker,
                under,
                of,
                wait,
                failure,
            } => {
                let Some(nth) = self.choose(of) else { return Ok(()) };
                let delay = LaneDeferral::new(
                    self.id(nth),
                    self.threads[nth].outbox.lease(under),
                    self.latest + secs(wait),
                )
                .with_failure(failure);
                let by = worker_id(worker);
                self.store.defer_lanes(by, &[delay]).await?;
                let outbox = &mut self.threads[nth].outbox;
                if outbox.is_owned_by(by, delay.lease_until) {
                    outbox.delay(&delay);
                }
                self.compare_thread(nth).await
            }
            Step::Refuse {
                worker,
                under,
                of,
                lease,
            } => match self.choose(of) {
                Some(nth) => {
                    let under = self.threads[nth].outbox.lease(under);
                    self.refuse(worker_id(worker), nth, under, lease).await
                }
                None => Ok(()),
            },
            Step::Requeue { nth, by } => self.requeue(usize::from(nth), by).await,
            _ => Ok(()),
        }
    }

    /// Claims at the latest time so far, so that every lane due at once is due by any clock.
    async fn claim(&mut self, by: WorkerId, most: usize, lease: u64) -> TestCaseResult {
        let (now, until) = (self.latest, self.latest + secs(lease));
        let claimed = self.store.claim_lanes(&Claim::new(by, now, until, most)).await?;
        let due = self.threads.iter().filter(|thread| thread.outbox.is_due(now));
        let due: BTreeSet<_> = due.map(|thread| thread.conversation().id).collect();
        prop_assert_eq!(claimed.len(), most.min(due.len()), "of {:?}", due);
        let distinct: BTreeSet<_> = claimed.iter().map(|lane| lane.conversation_id).collect();
        prop_assert_eq!(
            distinct.len(),
            claimed.len(),
            "a lane was claimed twice: {:?}",
            claimed
        );
        prop_assert!(distinct.is_subset(&due), "{:?} of {:?}", claimed, due);
        // Which of several due lanes a worker gets is unspecified here; the suite tests the order.
        for lane in claimed {
            let mut threads = self.threads.iter_mut();
            let thread = threads.find(|thread| thread.conversation().id == lane.conversation_id);
            let outbox = &mut thread.expect("a due lane belongs to a conversation").outbox;
            outbox.claim(by, until);
            same("a claimed lane", &Some(lane), &outbox.as_lane())?;
        }
        Ok(())
    }

    /// Claims each lane just before it is due, which must return no lane, and when it is due.
    pub(super) async fn claim_everything(&mut self) -> TestCaseResult {
        let last = worker_id(u64::MAX);
        self.claim(last, 1_000, FOREVER).await?;
        let mut dues: BTreeSet<_> = self.threads.iter().filter_map(|one| one.outbox.due()).collect();
        // No lane is added, so the loop ends.
        while let Some(due) = dues.pop_first() {
            for now in [due - Duration::from_millis(1), due] {
                self.latest = now;
                self.claim(last, 1_000, FOREVER).await?;
            }
        }
        Ok(())
    }

    /// Acknowledges `count` more events under a lease, with a new lease.
    async fn acknowledge(
        &mut self,
        by: WorkerId,
        nth: usize,
        count: usize,
        under: Timestamp,
        until: Timestamp,
    ) -> TestCaseResult {
        let outbox = &mut self.threads[nth].outbox;
        let owns = outbox.is_owned_by(by, under);
        let progress = outbox.progress(count, under);
        let rest = self.store.acknowledge(by, until, &[progress]).await?;
        let expected = owns.then(|| outbox.acknowledge(progress.up_to, until)).flatten();
        same("the rest of a lane", &rest, &Vec::from_iter(expected))?;
        self.compare_thread(nth).await
    }

    async fn refuse(&mut self, by: WorkerId, nth: usize, under: Timestamp, lease: u64) -> TestCaseResult {
        let outbox = &self.threads[nth].outbox;
        let Some(entry) = outbox.waiting().first().cloned() else {
            return Ok(());
        };
        let owns = outbox.is_owned_by(by, under);
        let lane = self.lane(nth, outbox.head(), under);
        self.store
            .dead_letter(by, &lane, &entry, "refused", self.latest)
            .await?;
        if owns {
            self.dead_letters
                .push(DeadLetter::new(entry, "refused".to_owned(), self.latest));
        }
        let until = self.latest + secs(lease);
        self.acknowledge(by, nth, 1, under, until).await
    }

    /// Requeues a dead letter, or, if there are fewer, an entry that is not one.
    async fn requeue(&mut self, nth: usize, by: PublisherChoice) -> TestCaseResult {
        let nth = nth % (self.dead_letters.len() + 1);
        let entry = (nth < self.dead_letters.len()).then(|| self.dead_letters.remove(nth).entry);
        let Some(id) = entry.as_ref().map_or_else(
            || self.choose(0).map(|nth| self.id(nth)),
            |it| Some(it.conversation_id),
        ) else {
            return Ok(());
        };
        let step = Requeue::new(
            id,
            entry.as_ref().map_or(u64::MAX, |entry| entry.number),
            self.now,
            self.publisher(by),
        );
        let requeued = self.store.requeue(&step).await?;
        let expected = match entry {
            Some(entry) => {
                let mut threads = self.threads.iter_mut();
                let thread = threads.find(|thread| thread.conversation().id == id);
                let outbox = &mut thread.expect("a dead letter belongs to a conversation").outbox;
                let entry = outbox.commit(entry.kind, step.now, step.publisher, step.now);
                Requeued::Done(entry)
            }
            None => Requeued::NotFound,
        };
        same("a requeued event", &requeued, &expected)
    }

    /// Compares all dead letters, and the page after each.
    pub(super) async fn compare_dead_letters(&self) -> TestCaseResult {
        let mut expected = self.dead_letters.clone();
        expected.sort_by_key(DeadLetter::position);
        let listed = self.store.list_dead_letters(None, 1_000).await?;
        same("the dead letters", &listed, &expected)?;
        for (nth, one) in expected.iter().enumerate() {
            let page = self.store.list_dead_letters(Some(&one.position()), 2).await?;
            let rest = expected.iter().skip(nth + 1).take(2).cloned();
            same("the next dead letters", &page, &rest.collect())?;
        }
        Ok(())
    }

    /// Compares the loaded entries of a lane from a number on.
    pub(super) async fn compare_entries(&self, nth: usize, head: u64, per_lane: usize) -> TestCaseResult {
        let thread = &self.threads[nth];
        let lane = self.lane(nth, head, thread.outbox.lease(Lease::Current));
        let loaded = self.store.load_entries(&[lane], per_lane).await?;
        same("the loaded entries", &loaded, &thread.load(head, per_lane))
    }

    fn lane(&self, nth: usize, head: u64, lease_until: Timestamp) -> Lane {
        Lane::new(self.id(nth), head, lease_until)
    }
}
